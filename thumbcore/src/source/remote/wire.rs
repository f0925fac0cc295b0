//! One request, and what came of it.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::{
    super::content_range::Wanted,
    version::{Pin, Version},
};
use crate::SourceError;

pub(in crate::source) type Body = BoxStream<'static, Result<Bytes, SourceError>>;

/// An answer that may hold bytes. Dropping its body ends the transfer.
pub(in crate::source) enum Reply {
    /// 206: the bytes of `range`.
    Part {
        range: Range<u64>,
        total: Option<u64>,
        version: Version,
        body: Body,
    },
    /// 200: the range was ignored and the whole file is coming.
    Whole {
        len: Option<u64>,
        version: Version,
        body: Body,
    },
    /// 416: no byte of the range exists. `total` where the answer says how many do.
    Unsatisfiable { total: Option<u64> },
}

/// Sends one request.
#[async_trait]
pub(in crate::source) trait Wire: Send + Sync {
    /// The source's name as it may be shown.
    fn name(&self) -> &str;

    /// GET of `wanted`, on the condition that the file is still `version`.
    async fn get(&self, wanted: &Wanted, version: &Version) -> Result<Reply, SourceError>;

    /// Whether answers of one version may carry different `ETag`s, against RFC 9110.
    fn may_vary_etags(&self) -> bool {
        false
    }

    /// Length and version without any body; only asked after a 416 that gave no length.
    async fn head(&self) -> Result<Pin, SourceError>;
}
