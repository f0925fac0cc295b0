//! A video's outputs in the bucket: who owns a name, what is done, uploading.
//!
//! Two videos may want one name, two workers may have one video, and any of them may die half way.
//! The protocol rests on three rules:
//!
//! - The metadata of the first picture and of the manifest tell which video owns a name. A worker
//!   claims a free name by writing the first picture only if its key is free (`If-None-Match`). The
//!   other pictures, in all widths, go up at the same time and in the same way; the loser of a
//!   claim may have written one of them, which the winner then overwrites.
//! - The manifest is written last. A video is done when every picture in every width and the
//!   manifest carry the same version and settings.
//! - After publishing, the caller checks that the video is still the version it read. If two
//!   workers read two versions, the one that writes last finds out, whichever it is.

mod outputs;

use std::{
    collections::HashMap,
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use contract::{Manifest, OutputName, Prefixes, metadata};
use futures::future::try_join_all;
use service_kit::aws::Written;

use self::outputs::MANIFEST_CACHE;
pub(crate) use self::outputs::{Made, Outputs};
use crate::{
    extras::Additions,
    failure::Failure,
    plan::Job,
    store::{Head, Object, Store, StoreError},
};

/// Claims that one delivery may lose before its message is left for later. One more than there are
/// names, and some for writes that were under way and failed.
const MAX_CLAIMS: usize = 6;

/// Writes outputs and finds those that are done.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    store: Store,
    prefixes: Prefixes,
    outputs: Outputs,
}

/// Who owns a name.
enum Claim {
    Free,
    Ours {
        /// The version that its first picture and its manifest agree on, if they do.
        etag: Option<String>,
    },
    Others,
}

impl Publisher {
    pub(crate) fn new(store: Store, prefixes: Prefixes, outputs: Outputs) -> Self {
        Self {
            store,
            prefixes,
            outputs,
        }
    }

    pub(crate) fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// The name of the job's pictures if all of these and the manifest are there, made from the
    /// version that the event names or, if the event names none or an outdated one, from the
    /// current one.
    pub(crate) async fn done(&self, job: &Job) -> Result<Option<OutputName>, Failure> {
        let (name, claim) = self.find_name(job).await?;
        let Claim::Ours { etag: Some(etag) } = claim else {
            return Ok(None);
        };
        if job.etag.as_ref() != Some(&etag) {
            let current = self.store.head(&job.key).await?;
            if current.is_none_or(|head| head.etag != etag) {
                return Ok(None);
            }
        }
        let keys = self.outputs.keys(&name);
        let others = keys.iter().skip(1).map(|key| self.head_output(job, key));
        let others = try_join_all(others).await?;
        let are_done = others
            .iter()
            .all(|head| self.outputs.version(head.as_ref()) == Some(&etag));
        Ok(are_done.then_some(name))
    }

    /// The manifest under `name`, if it is one.
    pub(crate) async fn manifest(&self, name: &OutputName) -> Result<Option<Manifest>, Failure> {
        let found = self.store.get(&name.manifest()).await?;
        Ok(found.and_then(|found| serde_json::from_slice(&found.body).ok()))
    }

    /// Adds to the manifest under `name` what was made of the version that `known`, an earlier
    /// reading of it, is of.
    ///
    /// # Errors
    /// Transient where the manifest, or the video, is of another version by now.
    pub(crate) async fn add(
        &self,
        job: &Job,
        name: &OutputName,
        known: &Manifest,
        additions: Additions,
    ) -> Result<(), Failure> {
        let is_same = |other: &Manifest| {
            (&other.source_key, &other.source_etag, &other.settings)
                == (&known.source_key, &known.source_etag, &known.settings)
        };
        let current = self.manifest(name).await?.filter(is_same);
        let superseded = || Failure::Superseded {
            key: name.manifest(),
        };
        let mut manifest = current.ok_or_else(superseded)?;
        let Additions {
            storyboard,
            preview,
        } = additions;
        manifest.storyboard = storyboard.or(manifest.storyboard);
        manifest.preview = preview.or(manifest.preview);
        let object = self.outputs.manifest_object(job, name, &manifest);
        self.store.put(object).await?;
        // A newer version's manifest may have been overwritten just now.
        match self.store.head(&job.key).await? {
            Some(head) if head.etag != manifest.source_etag => Err(superseded()),
            _ => Ok(()),
        }
    }

    /// The object under `key`, if it is the job's.
    async fn head_output(&self, job: &Job, key: &str) -> Result<Option<Head>, StoreError> {
        let head = self.store.head(key).await?;
        Ok(head.filter(|head| owner(head) == Some(&metadata::encode_key(&job.key))))
    }

    /// Uploads the pictures, then the manifest, under the first name that is free or the job's own.
    pub(crate) async fn publish(&self, made: Made<'_>) -> Result<(OutputName, Manifest), Failure> {
        for _ in 0..MAX_CLAIMS {
            let (name, claim) = self.find_name(made.job).await?;
            let began = Instant::now();
            let pictures = self.outputs.objects(&name, made);
            let claimed = match claim {
                Claim::Ours { .. } => {
                    let writes = pictures.into_iter().map(|picture| self.store.put(picture));
                    try_join_all(writes).await?;
                    true
                }
                Claim::Free => self.claim(pictures).await?,
                Claim::Others => false,
            };
            if !claimed {
                continue;
            }
            let manifest = self.outputs.manifest(&name, made, began.elapsed());
            self.store
                .put(self.outputs.manifest_object(made.job, &name, &manifest))
                .await?;
            self.announce(&name).await;
            return Ok((name, manifest));
        }
        Err(Failure::Contended)
    }

    /// Leaves an entry in the journal. Without the entry readers find the video later, so a failure
    /// is no reason to process the video again.
    async fn announce(&self, name: &OutputName) {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = since_1970.map_or(0, |elapsed| elapsed.as_millis() as u64);
        let Some(key) = self.prefixes.recent_key(name, millis) else {
            return;
        };
        let entry = Object {
            key,
            body: Bytes::new(),
            content_type: "application/octet-stream",
            cache_control: MANIFEST_CACHE,
            metadata: HashMap::new(),
        };
        if let Err(error) = self.store.put(entry).await {
            tracing::warn!(%error, "cannot write a video's journal entry");
        }
    }

    /// Writes the pictures under a free name; `false` if another video took the name.
    async fn claim(&self, pictures: Vec<Object>) -> Result<bool, StoreError> {
        let writes = pictures
            .iter()
            .map(|picture| self.store.put_if_absent(picture.clone()));
        let written = try_join_all(writes).await?;
        if written.first() != Some(&Written::Yes) {
            return Ok(false);
        }
        let taken = pictures
            .into_iter()
            .zip(written)
            .filter(|(_, written)| *written == Written::Taken)
            .map(|(picture, _)| {
                tracing::warn!(
                    key = picture.key,
                    "overwriting a picture that another video left"
                );
                self.store.put(picture)
            });
        try_join_all(taken).await?;
        Ok(true)
    }

    /// The first of the job's names that no other video owns.
    async fn find_name(&self, job: &Job) -> Result<(OutputName, Claim), StoreError> {
        let mut last = None;
        for name in &job.names {
            let claim = self.owner_of(name, &job.key).await?;
            if !matches!(claim, Claim::Others) {
                return Ok((name.clone(), claim));
            }
            last = Some((name.clone(), claim));
        }
        // The last name has a digest of the key in it, so only a foreign object can be there.
        Ok(last.unwrap_or_else(|| (job.names[0].clone(), Claim::Others)))
    }

    async fn owner_of(&self, name: &OutputName, key: &str) -> Result<Claim, StoreError> {
        let (picture, manifest) = (self.outputs.claim_key(name), name.manifest());
        let (picture, manifest) =
            futures::try_join!(self.store.head(&picture), self.store.head(&manifest))?;
        let ours = metadata::encode_key(key);
        let is_others =
            |head: &Option<Head>| head.as_ref().is_some_and(|head| owner(head) != Some(&ours));
        if is_others(&picture) || is_others(&manifest) {
            return Ok(Claim::Others);
        }
        if picture.is_none() {
            return Ok(Claim::Free);
        }
        let etag = self.outputs.version(picture.as_ref());
        Ok(Claim::Ours {
            etag: etag
                .filter(|etag| self.outputs.version(manifest.as_ref()) == Some(etag))
                .cloned(),
        })
    }
}

fn owner(head: &Head) -> Option<&String> {
    head.metadata.get(metadata::SOURCE_KEY)
}
