//! Pictures as they cross between processes: each as one run of bytes, not as a list of numbers.

use std::fmt;

use bytes::Bytes;
use serde::{
    Deserializer, Serializer,
    de::{Error, Visitor},
};

pub(in crate::extract) fn serialize<S: Serializer>(
    image: &Bytes,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(image)
}

pub(in crate::extract) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Bytes, D::Error> {
    deserializer.deserialize_bytes(Picture)
}

struct Picture;

impl Visitor<'_> for Picture {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a picture")
    }

    fn visit_bytes<E: Error>(self, image: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes::copy_from_slice(image))
    }
}
