//! The locks of the sandbox, and which of them hold.

use std::fmt;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetStatus, Scope,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// What keeps a sandboxed process from doing anything but decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Lock {
    /// `no_new_privs`: no program can give the process a right that it has not.
    NoNewPrivileges,
    /// A seccomp filter: any system call that decoding does not need ends the process.
    Seccomp,
    /// Landlock: no file, no port, no signal, even if a system call got through.
    Landlock,
    /// Memory, CPU time, descriptors and files are limited.
    ResourceLimits,
    /// The process ends with the one that started it.
    ParentDeath,
    /// No descriptor is open but `/dev/null` and the socket to the program.
    Descriptors,
}

impl Lock {
    /// Every lock.
    pub const ALL: &'static [Self] = &[
        Self::NoNewPrivileges,
        Self::Seccomp,
        Self::Landlock,
        Self::ResourceLimits,
        Self::ParentDeath,
        Self::Descriptors,
    ];

    /// `"no_new_privs"`, `"seccomp"`, `"landlock"`, `"rlimits"`, `"parent_death"` or
    /// `"descriptors"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoNewPrivileges => "no_new_privs",
            Self::Seccomp => "seccomp",
            Self::Landlock => "landlock",
            Self::ResourceLimits => "rlimits",
            Self::ParentDeath => "parent_death",
            Self::Descriptors => "descriptors",
        }
    }
}

/// How far a lock holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Strength {
    /// All of it.
    Full,
    /// As much as this kernel knows.
    Partial,
    /// Not at all.
    None,
}

impl Strength {
    /// `"full"`, `"partial"` or `"none"`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

/// Which locks hold. All but Landlock, which the kernel may lack, always do: where one cannot be
/// had there is no sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locks {
    landlock: Strength,
}

impl Locks {
    pub(super) fn new(landlock: Strength) -> Self {
        Self { landlock }
    }

    /// How far `lock` holds.
    #[must_use]
    pub fn strength(&self, lock: Lock) -> Strength {
        match lock {
            Lock::Landlock => self.landlock,
            _ => Strength::Full,
        }
    }

    /// Every lock and how far it holds.
    pub fn iter(&self) -> impl Iterator<Item = (Lock, Strength)> + '_ {
        Lock::ALL.iter().map(|lock| (*lock, self.strength(*lock)))
    }
}

impl fmt::Display for Locks {
    /// As logs have it: `no_new_privs=full seccomp=full landlock=partial …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (lock, strength)) in self.iter().enumerate() {
            let space = if number == 0 { "" } else { " " };
            write!(f, "{space}{}={}", lock.as_str(), strength.as_str())?;
        }
        Ok(())
    }
}

/// What is asked of Landlock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Landlock {
    /// All of it; a kernel that lacks a part gives no sandbox.
    Required,
    /// As much as the kernel has, which [`Locks`] reports.
    #[default]
    BestEffort,
    /// None.
    Off,
}

impl Landlock {
    /// How the policy is written on the zygote's command line.
    pub(super) fn as_arg(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::BestEffort => "best-effort",
            Self::Off => "off",
        }
    }

    pub(super) fn from_arg(arg: &str) -> Option<Self> {
        let all = [Self::Required, Self::BestEffort, Self::Off];
        all.into_iter().find(|policy| policy.as_arg() == arg)
    }

    /// Takes every right that Landlock knows from the calling thread and those it starts.
    pub(super) fn apply(self) -> Result<Strength, String> {
        let level = match self {
            Self::Required => CompatLevel::HardRequirement,
            Self::BestEffort => CompatLevel::BestEffort,
            Self::Off => return Ok(Strength::None),
        };
        let restricted = Ruleset::default()
            .set_compatibility(level)
            .handle_access(AccessFs::from_all(NEWEST))
            .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
            .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
            .and_then(Ruleset::create)
            // Rules would give rights back: there are none.
            .and_then(landlock::RulesetCreated::restrict_self);
        let status = restricted.map_err(|error| error.to_string())?;
        Ok(match status.ruleset {
            RulesetStatus::FullyEnforced => Strength::Full,
            RulesetStatus::PartiallyEnforced => Strength::Partial,
            RulesetStatus::NotEnforced => Strength::None,
        })
    }
}

/// The newest version of Landlock of which rights are taken: Linux 6.12, the first that keeps
/// signals and abstract sockets in.
const NEWEST: ABI = ABI::V6;

/// Limits that no video needs to differ in: no file grows, nothing is locked into memory, a crash
/// leaves no copy of the video behind.
pub(super) fn limit_for_good() -> Result<(), rustix::io::Errno> {
    for resource in [
        Resource::Fsize,
        Resource::Core,
        Resource::Memlock,
        Resource::Msgqueue,
    ] {
        set(resource, 0)?;
    }
    Ok(())
}

/// Sets both the limit and what it may be raised to.
pub(super) fn set(resource: Resource, limit: u64) -> Result<(), rustix::io::Errno> {
    let limit = Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    setrlimit(resource, limit)
}
