//! The little linear algebra that the scene needs. Matrices are column-major, as WebGL wants them.

pub(crate) type Vector = [f32; 3];

/// A 4 by 4 matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Matrix(pub(crate) [f32; 16]);

impl Matrix {
    /// A camera's lens: `field` is the vertical angle in radians.
    pub(crate) fn perspective(field: f32, aspect: f32, near: f32, far: f32) -> Self {
        let f = 1.0 / (field / 2.0).tan();
        let mut m = [0.0; 16];
        m[0] = f / aspect;
        m[5] = f;
        m[10] = (far + near) / (near - far);
        m[11] = -1.0;
        m[14] = 2.0 * far * near / (near - far);
        Self(m)
    }

    /// Looks at `target` from `distance` away, `yaw` to the side and `pitch` from above, in
    /// radians.
    pub(crate) fn orbit(target: Vector, distance: f32, yaw: f32, pitch: f32) -> Self {
        let (sin_yaw, cos_yaw) = yaw.sin_cos();
        let (sin_pitch, cos_pitch) = pitch.sin_cos();
        let right = [cos_yaw, 0.0, -sin_yaw];
        let back = [sin_yaw * cos_pitch, sin_pitch, cos_yaw * cos_pitch];
        let up = [-sin_yaw * sin_pitch, cos_pitch, -cos_yaw * sin_pitch];
        let eye: Vector = std::array::from_fn(|i| target[i] + back[i] * distance);
        let mut m = [0.0; 16];
        for (row, axis) in [right, up, back].iter().enumerate() {
            for (column, value) in axis.iter().enumerate() {
                m[column * 4 + row] = *value;
            }
            m[12 + row] = -dot(*axis, eye);
        }
        m[15] = 1.0;
        Self(m)
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|i| {
            let (column, row) = (i / 4, i % 4);
            (0..4)
                .map(|k| self.0[k * 4 + row] * other.0[column * 4 + k])
                .sum()
        }))
    }

    /// Where a point lands in the picture, from 0 to 1 to the right and down; `None` behind the
    /// camera.
    pub(crate) fn project(&self, point: Vector) -> Option<(f32, f32)> {
        let [x, y, z] = point;
        let row = |r: usize| self.0[r] * x + self.0[4 + r] * y + self.0[8 + r] * z + self.0[12 + r];
        let w = row(3);
        (w > 0.0).then(|| {
            (
                f32::midpoint(1.0, row(0) / w),
                f32::midpoint(1.0, -row(1) / w),
            )
        })
    }
}

fn dot(a: Vector, b: Vector) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A point of the arc from `from` to `to` at `t` between 0 and 1, `height` above the straight line
/// in its middle.
pub(crate) fn arc(from: Vector, to: Vector, height: f32, t: f32) -> Vector {
    let lift = 4.0 * height * t * (1.0 - t);
    std::array::from_fn(|i| from[i] + (to[i] - from[i]) * t + if i == 1 { lift } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: Vector, b: Vector) {
        assert!(a.iter().zip(b).all(|(a, b)| near(*a, b)), "{a:?} {b:?}");
    }

    fn near(a: f32, b: f32) -> bool {
        (a - b).abs() < 1e-4
    }

    #[test]
    fn the_target_is_in_the_middle_from_every_side() {
        let lens = Matrix::perspective(0.6, 1.5, 0.1, 100.0);
        for (yaw, pitch) in [(0.0, 0.0), (0.7, 0.4), (-2.0, 1.2)] {
            let camera = lens.times(&Matrix::orbit([1.0, 2.0, 3.0], 10.0, yaw, pitch));
            let (x, y) = camera.project([1.0, 2.0, 3.0]).unwrap();
            assert!(near(x, 0.5) && near(y, 0.5), "{x} {y}");
        }
    }

    #[test]
    fn right_is_right_and_up_is_up() {
        let lens = Matrix::perspective(0.6, 1.0, 0.1, 100.0);
        let camera = lens.times(&Matrix::orbit([0.0; 3], 10.0, 0.3, 0.3));
        let (x, _) = camera.project([1.0, 0.0, 0.0]).unwrap();
        let (_, y) = camera.project([0.0, 1.0, 0.0]).unwrap();
        assert!(x > 0.5 && y < 0.5);
        assert_eq!(camera.project([0.0, 0.0, 1000.0]), None);
    }

    #[test]
    fn arcs_begin_and_end_where_they_should() {
        let (from, to) = ([0.0, 1.0, 0.0], [4.0, 1.0, 2.0]);
        same(arc(from, to, 1.0, 0.0), from);
        same(arc(from, to, 1.0, 1.0), to);
        same(arc(from, to, 1.0, 0.5), [2.0, 2.0, 1.0]);
    }
}
