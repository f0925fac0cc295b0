//! Containers by their names, as they cross between processes.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Container, PROFILES, all_demuxers};

impl Container {
    /// The container that [`as_str`](Self::as_str) calls `name`.
    fn from_name(name: &str) -> Option<Self> {
        let mut families = PROFILES.iter().map(|profile| profile.container);
        let family = families.find(|container| container.as_str() == name);
        let other = || all_demuxers().find(|demuxer| *demuxer == name);
        family.or_else(|| other().map(Self::Other))
    }
}

impl Serialize for Container {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Container {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <&str>::deserialize(deserializer)?;
        Self::from_name(name).ok_or_else(|| D::Error::custom("no container has this name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_containers() {
        let others = all_demuxers().map(Container::Other);
        for container in PROFILES
            .iter()
            .map(|profile| profile.container)
            .chain(others)
        {
            let found = Container::from_name(container.as_str());
            assert_eq!(found.map(Container::as_str), Some(container.as_str()));
        }
        assert_eq!(Container::from_name("hls"), None);
    }
}
