//! Drawing with WebGL2, by `web-sys`, whose calls are safe.

use js_sys::{Float32Array, Object};
use wasm_bindgen::JsCast;
use web_sys::{
    HtmlCanvasElement, WebGl2RenderingContext as Gl, WebGlBuffer, WebGlProgram,
    WebGlUniformLocation, WebGlVertexArrayObject,
};

use super::{
    card,
    matrix::Matrix,
    particles::Spark,
    shaders,
    world::{Palette, Solid, World},
};

/// Floats of one instance: place, size, colour with glow.
const INSTANCE: i32 = 10;
/// Floats of one particle: place, colour with strength.
const SPARK: i32 = 7;
const SIDES: usize = 40;

/// A program and where its inputs are.
struct Program {
    linked: WebGlProgram,
    camera: Option<WebGlUniformLocation>,
    scale: Option<WebGlUniformLocation>,
    halo: Option<WebGlUniformLocation>,
}

/// A shape and its instances.
struct Shape {
    array: WebGlVertexArrayObject,
    mesh: WebGlBuffer,
    instances: WebGlBuffer,
    vertices: i32,
    count: i32,
}

/// Everything on the graphics card. Dropping it gives everything back.
pub(crate) struct Renderer {
    gl: Gl,
    solids: Program,
    sparks: Program,
    boxes: Shape,
    cylinders: Shape,
    spark_array: WebGlVertexArrayObject,
    spark_buffer: WebGlBuffer,
}

impl Renderer {
    /// `None` where there is no WebGL2, or the processor would have to draw: that takes all of its
    /// time.
    pub(crate) fn new(canvas: &HtmlCanvasElement) -> Option<Self> {
        let options = Object::new();
        for (name, value) in [
            ("antialias", true),
            ("alpha", true),
            ("premultipliedAlpha", true),
            ("failIfMajorPerformanceCaveat", true),
        ] {
            js_sys::Reflect::set(&options, &name.into(), &value.into()).ok()?;
        }
        let context = canvas.get_context_with_context_options("webgl2", &options);
        let gl: Gl = context.ok()??.dyn_into().ok()?;
        // A browser that was told to draw so finds no caveat in it.
        if card::is_software(&gl) {
            return None;
        }
        let solids = Program::new(&gl, shaders::SOLID_VERTEX, shaders::SOLID_FRAGMENT)?;
        let sparks = Program::new(&gl, shaders::SPARK_VERTEX, shaders::SPARK_FRAGMENT)?;
        let boxes = Shape::new(&gl, &cube())?;
        let cylinders = Shape::new(&gl, &cylinder())?;
        let spark_array = gl.create_vertex_array()?;
        let spark_buffer = gl.create_buffer()?;
        gl.bind_vertex_array(Some(&spark_array));
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&spark_buffer));
        attribute(&gl, 0, 3, SPARK, 0);
        attribute(&gl, 1, 4, SPARK, 3);
        gl.enable(Gl::DEPTH_TEST);
        gl.enable(Gl::CULL_FACE);
        Some(Self {
            gl,
            solids,
            sparks,
            boxes,
            cylinders,
            spark_array,
            spark_buffer,
        })
    }

    /// Takes over what stands still.
    pub(crate) fn set(&mut self, world: &World) {
        self.boxes.set(&self.gl, &world.boxes);
        self.cylinders.set(&self.gl, &world.cylinders);
    }

    /// Draws a frame of `width` by `height` pixels.
    pub(crate) fn draw(
        &self,
        camera: &Matrix,
        (width, height): (u32, u32),
        sparks: impl Iterator<Item = Spark>,
        palette: &Palette,
    ) {
        let gl = &self.gl;
        gl.viewport(0, 0, width as i32, height as i32);
        gl.clear_color(0.0, 0.0, 0.0, 0.0);
        gl.depth_mask(true);
        gl.clear(Gl::COLOR_BUFFER_BIT | Gl::DEPTH_BUFFER_BIT);
        gl.disable(Gl::BLEND);
        self.solids.begin(gl, camera);
        self.boxes.draw(gl);
        self.cylinders.draw(gl);
        self.draw_sparks(camera, height, sparks, palette);
        gl.bind_vertex_array(None);
    }

    fn draw_sparks(
        &self,
        camera: &Matrix,
        height: u32,
        sparks: impl Iterator<Item = Spark>,
        palette: &Palette,
    ) {
        let gl = &self.gl;
        let colors = [palette.uploads, palette.queue, palette.thumbnails];
        let mut data = Vec::new();
        for spark in sparks {
            data.extend(spark.at);
            data.extend(colors[spark.lane]);
            data.push(spark.strength);
        }
        if data.is_empty() {
            return;
        }
        gl.enable(Gl::BLEND);
        // Premultiplied; with an alpha below its light a spark adds to what is behind it.
        gl.blend_func(Gl::ONE, Gl::ONE_MINUS_SRC_ALPHA);
        gl.depth_mask(false);
        self.sparks.begin(gl, camera);
        gl.uniform1f(self.sparks.scale.as_ref(), height as f32 * 0.9);
        gl.uniform1f(
            self.sparks.halo.as_ref(),
            if palette.glowing { 1.0 } else { 0.0 },
        );
        gl.bind_vertex_array(Some(&self.spark_array));
        fill(gl, &self.spark_buffer, &data, Gl::DYNAMIC_DRAW);
        gl.draw_arrays(Gl::POINTS, 0, data.len() as i32 / SPARK);
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        let gl = &self.gl;
        for shape in [&self.boxes, &self.cylinders] {
            gl.delete_vertex_array(Some(&shape.array));
            gl.delete_buffer(Some(&shape.mesh));
            gl.delete_buffer(Some(&shape.instances));
        }
        gl.delete_vertex_array(Some(&self.spark_array));
        gl.delete_buffer(Some(&self.spark_buffer));
        for program in [&self.solids, &self.sparks] {
            gl.delete_program(Some(&program.linked));
        }
        // The context itself lives until the canvas is collected, and browsers allow sixteen.
        if let Ok(Some(extension)) = gl.get_extension("WEBGL_lose_context") {
            extension
                .unchecked_into::<web_sys::WebglLoseContext>()
                .lose_context();
        }
    }
}

impl Program {
    fn new(gl: &Gl, vertex: &str, fragment: &str) -> Option<Self> {
        let program = gl.create_program()?;
        for (kind, source) in [(Gl::VERTEX_SHADER, vertex), (Gl::FRAGMENT_SHADER, fragment)] {
            let shader = gl.create_shader(kind)?;
            gl.shader_source(&shader, source);
            gl.compile_shader(&shader);
            gl.attach_shader(&program, &shader);
            // It lives as long as the program.
            gl.delete_shader(Some(&shader));
        }
        gl.link_program(&program);
        if !gl
            .get_program_parameter(&program, Gl::LINK_STATUS)
            .is_truthy()
        {
            return None;
        }
        let place = |name| gl.get_uniform_location(&program, name);
        Some(Self {
            camera: place("camera"),
            scale: place("scale"),
            halo: place("halo"),
            linked: program,
        })
    }

    fn begin(&self, gl: &Gl, camera: &Matrix) {
        gl.use_program(Some(&self.linked));
        gl.uniform_matrix4fv_with_f32_array(self.camera.as_ref(), false, &camera.0);
    }
}

impl Shape {
    /// A mesh of positions and normals in turn.
    fn new(gl: &Gl, vertices: &[f32]) -> Option<Self> {
        let array = gl.create_vertex_array()?;
        let mesh = gl.create_buffer()?;
        let instances = gl.create_buffer()?;
        gl.bind_vertex_array(Some(&array));
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&mesh));
        fill(gl, &mesh, vertices, Gl::STATIC_DRAW);
        attribute(gl, 0, 3, 6, 0);
        attribute(gl, 1, 3, 6, 3);
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&instances));
        for (index, (floats, offset)) in [(3, 0), (3, 3), (4, 6)].into_iter().enumerate() {
            let index = 2 + index as u32;
            attribute(gl, index, floats, INSTANCE, offset);
            gl.vertex_attrib_divisor(index, 1);
        }
        gl.bind_vertex_array(None);
        Some(Self {
            array,
            mesh,
            instances,
            vertices: vertices.len() as i32 / 6,
            count: 0,
        })
    }

    fn set(&mut self, gl: &Gl, solids: &[Solid]) {
        let mut data = Vec::with_capacity(solids.len() * INSTANCE as usize);
        for solid in solids {
            data.extend(solid.at);
            data.extend(solid.size);
            data.extend(solid.color);
            data.push(solid.glow);
        }
        fill(gl, &self.instances, &data, Gl::DYNAMIC_DRAW);
        self.count = solids.len() as i32;
    }

    fn draw(&self, gl: &Gl) {
        gl.bind_vertex_array(Some(&self.array));
        gl.draw_arrays_instanced(Gl::TRIANGLES, 0, self.vertices, self.count);
    }
}

fn attribute(gl: &Gl, index: u32, floats: i32, stride: i32, offset: i32) {
    gl.enable_vertex_attrib_array(index);
    gl.vertex_attrib_pointer_with_i32(index, floats, Gl::FLOAT, false, stride * 4, offset * 4);
}

fn fill(gl: &Gl, buffer: &WebGlBuffer, data: &[f32], usage: u32) {
    gl.bind_buffer(Gl::ARRAY_BUFFER, Some(buffer));
    gl.buffer_data_with_array_buffer_view(Gl::ARRAY_BUFFER, &Float32Array::from(data), usage);
}

/// A box of size 1 that stands on the floor.
fn cube() -> Vec<f32> {
    let mut mesh = Vec::new();
    for axis in 0..3 {
        for sign in [-1.0_f32, 1.0] {
            let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
            let corners = if sign > 0.0 {
                [
                    (-1.0, -1.0),
                    (1.0, -1.0),
                    (1.0, 1.0),
                    (-1.0, -1.0),
                    (1.0, 1.0),
                    (-1.0, 1.0),
                ]
            } else {
                [
                    (-1.0, -1.0),
                    (1.0, 1.0),
                    (1.0, -1.0),
                    (-1.0, -1.0),
                    (-1.0, 1.0),
                    (1.0, 1.0),
                ]
            };
            for (a, b) in corners {
                let mut position = [0.0_f32; 3];
                position[axis] = sign / 2.0;
                position[u] = a / 2.0;
                position[v] = b / 2.0;
                position[1] += 0.5;
                let mut normal = [0.0; 3];
                normal[axis] = sign;
                mesh.extend(position.into_iter().chain(normal));
            }
        }
    }
    mesh
}

/// A cylinder of size 1 that stands on the floor; its underside is never seen.
fn cylinder() -> Vec<f32> {
    let mut mesh: Vec<f32> = Vec::new();
    let rim = |index: usize| {
        let (sin, cos) = (index as f32 / SIDES as f32 * std::f32::consts::TAU).sin_cos();
        [sin / 2.0, cos / 2.0]
    };
    for index in 0..SIDES {
        let ([x0, z0], [x1, z1]) = (rim(index), rim(index + 1));
        let (n0, n1) = ([x0 * 2.0, 0.0, z0 * 2.0], [x1 * 2.0, 0.0, z1 * 2.0]);
        let up = [0.0, 1.0, 0.0];
        for (position, normal) in [
            ([x0, 0.0, z0], n0),
            ([x1, 0.0, z1], n1),
            ([x1, 1.0, z1], n1),
            ([x0, 0.0, z0], n0),
            ([x1, 1.0, z1], n1),
            ([x0, 1.0, z0], n0),
            ([0.0, 1.0, 0.0], up),
            ([x0, 1.0, z0], up),
            ([x1, 1.0, z1], up),
        ] {
            mesh.extend(position.into_iter().chain(normal));
        }
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counter-clockwise seen from outside, or it would be culled.
    fn faces_outwards(mesh: &[f32]) {
        for triangle in mesh.chunks_exact(18) {
            let at = |vertex: usize, axis: usize| triangle[vertex * 6 + axis];
            let edge = |to: usize| [0, 1, 2].map(|axis| at(to, axis) - at(0, axis));
            let (first, second) = (edge(1), edge(2));
            let cross = [0, 1, 2].map(|axis| {
                let (next, last) = ((axis + 1) % 3, (axis + 2) % 3);
                first[next] * second[last] - first[last] * second[next]
            });
            let along: f32 = (0..3).map(|axis| cross[axis] * at(0, 3 + axis)).sum();
            assert!(along > 0.0, "{triangle:?}");
        }
    }

    #[test]
    fn shapes_face_outwards_and_stand_on_the_floor() {
        for mesh in [cube(), cylinder()] {
            faces_outwards(&mesh);
            let heights = mesh.chunks_exact(6).map(|vertex| vertex[1]);
            assert!(heights.clone().all(|y| (0.0..=1.0).contains(&y)));
        }
    }
}
