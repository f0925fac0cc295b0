//! The programs of the graphics card.

/// Solids: a unit shape, put where each instance says.
pub(crate) const SOLID_VERTEX: &str = "#version 300 es
layout(location=0) in vec3 position;
layout(location=1) in vec3 normal;
layout(location=2) in vec3 at;
layout(location=3) in vec3 size;
layout(location=4) in vec4 color;
uniform mat4 camera;
out vec3 facing;
out vec4 paint;
out float height;
void main() {
    gl_Position = camera * vec4(at + position * size, 1.0);
    facing = normal;
    paint = color;
    height = position.y;
}";

pub(crate) const SOLID_FRAGMENT: &str = "#version 300 es
precision mediump float;
in vec3 facing;
in vec4 paint;
in float height;
out vec4 pixel;
void main() {
    vec3 n = normalize(facing);
    float sky = 0.5 + 0.5 * n.y;
    float sun = max(dot(n, normalize(vec3(0.35, 0.75, 0.55))), 0.0);
    float light = 0.42 + 0.22 * sky + 0.42 * sun;
    vec3 color = paint.rgb * light;
    color += paint.rgb * paint.a * (0.25 + 0.45 * height);
    pixel = vec4(min(color, vec3(1.0)), 1.0);
}";

/// Particles: round points with a soft edge.
pub(crate) const SPARK_VERTEX: &str = "#version 300 es
layout(location=0) in vec3 at;
layout(location=1) in vec4 color;
uniform mat4 camera;
uniform float scale;
out vec4 paint;
void main() {
    gl_Position = camera * vec4(at, 1.0);
    gl_PointSize = scale / gl_Position.w;
    paint = color;
}";

pub(crate) const SPARK_FRAGMENT: &str = "#version 300 es
precision mediump float;
in vec4 paint;
uniform float halo;
out vec4 pixel;
void main() {
    float r = length(gl_PointCoord - 0.5) * 2.0;
    float core = 1.0 - smoothstep(0.30, 0.42, r);
    float glow = pow(max(1.0 - r, 0.0), 2.0) * halo;
    float a = min(core + glow, 1.0) * paint.a;
    vec3 color = mix(paint.rgb, vec3(1.0), core * halo * 0.6);
    pixel = vec4(color * a, a * (1.0 - 0.6 * halo));
}";
