//! The sandbox: what its processes cannot do, what their death costs, and that pictures are the
//! same.
//!
//! The processes are this program: `main` begins as that of a program with a sandbox does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows tests by the standard harness, which this program has not"
)]

mod codecs;
mod deaths;
mod misdeeds;
mod same;
mod support;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// A trial of an async test, by the test's path.
macro_rules! trials {
    ($($module:ident::$test:ident),+ $(,)?) => {
        vec![$(Trial::test(concat!(stringify!($module), "::", stringify!($test)), || {
            support::run($module::$test());
            Ok(())
        })),+]
    };
}

fn main() -> ExitCode {
    thumbcore::sandbox::init_with(misdeeds::commit);
    let arguments = Arguments::from_args();
    let trials = trials![
        misdeeds::everything_forbidden_is_blocked,
        misdeeds::without_landlock_everything_forbidden_is_blocked_as_well,
        misdeeds::the_locks_are_those_that_the_kernel_shows,
        misdeeds::a_child_has_one_descriptor_and_no_environment,
        codecs::rare_codecs_give_pictures_in_a_sandbox_and_nowhere_else,
        codecs::a_rare_codec_is_refused_by_its_name,
        same::the_cover_of_music_is_the_same,
        deaths::a_crash_is_the_video_s_own_and_has_its_signal,
        deaths::memory_that_is_not_the_video_s_is_refused,
        deaths::a_hang_ends_at_the_time_limit,
        deaths::nonsense_is_an_error_and_no_more,
        deaths::killed_by_a_person_a_video_is_tried_again_and_others_go_on,
        deaths::a_zygote_that_is_killed_is_replaced,
        deaths::an_open_video_outlives_its_process,
        deaths::a_dropped_call_leaves_the_video_usable,
        deaths::nothing_outlives_the_sandbox,
        same::pictures_bytes_and_requests_are_the_same,
        same::real_videos_are_the_same,
        same::an_open_video_is_the_same,
        same::a_storyboard_is_the_same,
        same::a_preview_is_the_same,
        same::errors_are_the_same_and_keep_their_causes,
        same::limits_and_memory_hold,
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}
