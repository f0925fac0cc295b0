//! Where videos are decoded: in processes without rights, unless a setting says otherwise.

use anyhow::Context as _;
use metrics::gauge;
use thumbcore::sandbox::{Lock, Sandbox, Strength};

use crate::settings::Switch;

/// Starts the sandbox that `switch`, the setting `DECODE_SANDBOX`, asks for, and logs which locks
/// hold. `None` where it is off.
///
/// # Errors
/// This machine cannot lock a process in; the error names the variable.
pub fn start(switch: Switch) -> anyhow::Result<Option<Sandbox>> {
    if switch == Switch::Off {
        tracing::warn!("DECODE_SANDBOX is off: videos are decoded beside the credentials");
        return Ok(None);
    }
    let sandbox = Sandbox::start().context("DECODE_SANDBOX")?;
    tracing::info!(locks = %sandbox.locks(), "videos are decoded in a sandbox");
    Ok(Some(sandbox))
}

/// Shows in the gauge `metric` how far each `lock` holds: 1 for all of it, 0 for nothing.
pub fn measure(metric: &'static str, sandbox: Option<&Sandbox>) {
    for lock in Lock::ALL {
        let strength = sandbox.map_or(Strength::None, |sandbox| sandbox.locks().strength(*lock));
        let share = match strength {
            Strength::Full => 1.0,
            Strength::Partial => 0.5,
            _ => 0.0,
        };
        gauge!(metric, "lock" => lock.as_str()).set(share);
    }
}
