//! Whether there is a graphics card, or the processor stands in for one.

use web_sys::WebGl2RenderingContext as Gl;

/// What the programs are called that stand in for a graphics card, in lower case.
const SOFTWARE: [&str; 6] = [
    "swiftshader",
    "llvmpipe",
    "softpipe",
    "swrast",
    "software",
    "microsoft basic render",
];

/// Whether the processor draws, which takes all of its time.
pub(super) fn is_software(gl: &Gl) -> bool {
    is_named_software(&renderer(gl))
}

fn is_named_software(renderer: &str) -> bool {
    let renderer = renderer.to_lowercase();
    SOFTWARE.iter().any(|name| renderer.contains(name))
}

/// The name of what draws. Firefox tells it at once, and warns whoever asks the extension; others
/// tell it by the extension only.
fn renderer(gl: &Gl) -> String {
    /// `UNMASKED_RENDERER_WEBGL` of the extension.
    const UNMASKED: u32 = 0x9246;
    let name = |parameter| {
        let name = gl.get_parameter(parameter).ok();
        name.and_then(|name| name.as_string()).unwrap_or_default()
    };
    let told = name(Gl::RENDERER);
    let is_masked = ["", "Mozilla", "WebKit WebGL"].contains(&told.as_str());
    if is_masked && matches!(gl.get_extension("WEBGL_debug_renderer_info"), Ok(Some(_))) {
        return name(UNMASKED);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_stand_in_for_a_card_are_known() {
        for name in [
            "ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero) (0x0000C0DE)), SwiftShader driver)",
            "llvmpipe, or similar",
            "Mesa/X.org, llvmpipe (LLVM 15.0.6, 256 bits)",
            "ANGLE (Microsoft, Microsoft Basic Render Driver Direct3D11 vs_5_0 ps_5_0)",
            "Apple Software Renderer",
        ] {
            assert!(is_named_software(name), "{name}");
        }
        for name in [
            "",
            "WebKit WebGL",
            "Apple GPU",
            "ANGLE (Intel, Mesa Intel(R) UHD Graphics 620 (KBL GT2), OpenGL 4.6)",
            "ANGLE (NVIDIA, NVIDIA GeForce RTX 3060 Direct3D11 vs_5_0 ps_5_0)",
        ] {
            assert!(!is_named_software(name), "{name}");
        }
    }
}
