//! The first round trip.

use std::{sync::Arc, time::Instant};

use super::{Call, ReadConfig, Reader, Reserve, Store, request::may_follow_bytes};
use crate::{Error, RangeSource};

impl Reader {
    /// Opens `source` by reading its head and tail.
    pub(crate) async fn open(
        source: Arc<dyn RangeSource>,
        config: ReadConfig,
        call: Call,
    ) -> Result<Self, Error> {
        let (mut attempt, mut broken) = (0, 0);
        let (ends, waited) = loop {
            let asked = Instant::now();
            let answer = source.ends(config.head, config.tail);
            match call.in_time(Reserve::Nothing, answer).await? {
                Ok(ends) => break (ends, asked.elapsed()),
                Err(error) => {
                    broken += u64::from(may_follow_bytes(&error));
                    let wait = config.back_off(&mut attempt, error);
                    call.in_time(Reserve::Nothing, wait).await??;
                }
            }
        };
        let tail_start = ends.stat.len - ends.tail.len() as u64;
        let store = Store::new(source, ends.stat.clone(), config);
        store.cache().insert(0, &ends.head);
        store.cache().insert(tail_start, &ends.tail);
        call.ledger()
            .opened(&ends, (u64::from(attempt), broken), waited);
        Ok(Arc::new(store).reader(call))
    }
}
