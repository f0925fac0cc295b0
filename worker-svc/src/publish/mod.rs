//! A video's outputs in the bucket: who owns a name, what is done, uploading.
//!
//! Two videos may want one name, two workers may have one video, and any of them may die half way.
//! The protocol rests on three rules:
//!
//! - The metadata of the first picture and of the manifest tell which video owns a name. A worker
//!   claims a free name by writing the first picture only if its key is free (`If-None-Match`). The
//!   other pictures, in all widths, go up at the same time and in the same way; the loser of a
//!   claim may have written one of them, which the winner then overwrites.
//! - The manifest is written last, and only if it is still the one that was read before the
//!   pictures went up (`If-Match`). Otherwise everything goes up again, by what the manifest says
//!   then: a person may have chosen a picture meanwhile, and a choice is never lost. A video is
//!   done when every picture in every width and the manifest carry the same version and settings.
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
use thumbcore::SourceError;

use self::outputs::Content;
pub(crate) use self::outputs::{Made, Outputs};
use crate::{
    choices::Chooser,
    extras::Additions,
    failure::Failure,
    plan::Job,
    store::{Head, Object, Store, StoreError},
};

/// Claims that one delivery may lose before its message is left for later. One more than there are
/// names, and some for writes that were under way and failed, and for manifests that others wrote.
const MAX_CLAIMS: usize = 8;

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

/// What is under a name.
struct Found {
    claim: Claim,
    has_manifest: bool,
}

/// A manifest that was read.
pub(crate) struct Known {
    pub(crate) manifest: Option<Manifest>,
    /// The `ETag` of its object.
    etag: String,
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
        let (name, found) = self.find_name(job).await?;
        let Claim::Ours { etag: Some(etag) } = found.claim else {
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

    /// The manifest under `name`.
    pub(crate) async fn known(&self, name: &OutputName) -> Result<Option<Known>, Failure> {
        let found = self.store.get(&name.manifest()).await?;
        Ok(found.map(|found| Known {
            manifest: serde_json::from_slice(&found.body).ok(),
            etag: found.etag,
        }))
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
        let superseded = || Failure::Superseded {
            key: name.manifest(),
        };
        for _ in 0..MAX_CLAIMS {
            let current = self.known(name).await?.ok_or_else(superseded)?;
            let manifest = current.manifest.filter(is_same);
            let mut manifest = manifest.ok_or_else(superseded)?;
            let Additions {
                storyboard,
                preview,
            } = additions.clone();
            manifest.storyboard = storyboard.or(manifest.storyboard);
            manifest.preview = preview.or(manifest.preview);
            let object = Outputs::manifest_object(name, &manifest);
            let etag = Some(current.etag.as_str());
            if !self.store.put_if_unchanged(object, etag).await? {
                continue;
            }
            // A newer version of the video may be there by now.
            return match self.store.head(&job.key).await? {
                Some(head) if head.etag != manifest.source_etag => Err(superseded()),
                _ => Ok(()),
            };
        }
        Err(Failure::Contended)
    }

    /// The object under `key`, if it is the job's.
    async fn head_output(&self, job: &Job, key: &str) -> Result<Option<Head>, StoreError> {
        let head = self.store.head(key).await?;
        Ok(head.filter(|head| owner(head) == Some(&metadata::encode_key(&job.key))))
    }

    /// Uploads the pictures, then the manifest, under the first name that is free or the job's own.
    /// Pictures that people have chosen, `chooser` makes anew.
    pub(crate) async fn publish(
        &self,
        made: Made<'_>,
        chooser: &Chooser<'_>,
    ) -> Result<(OutputName, Manifest), Failure> {
        for _ in 0..MAX_CLAIMS {
            let (name, found) = self.find_name(made.job).await?;
            let known = match (&found.claim, found.has_manifest) {
                (Claim::Others, _) | (_, false) => None,
                (_, true) => self.known(&name).await?,
            };
            let manifest = known.as_ref().and_then(|known| known.manifest.as_ref());
            let chosen = match manifest {
                Some(manifest) => {
                    self.check_current(made, manifest).await?;
                    chooser.chosen(manifest, made.etag, &self.outputs).await?
                }
                None => Vec::new(),
            };
            let content = Content {
                made,
                chosen: &chosen,
            };
            let began = Instant::now();
            let pictures = self.outputs.objects(&name, content);
            if !self.upload(found.claim, pictures).await? {
                continue;
            }
            let manifest = self.outputs.manifest(&name, content, began.elapsed());
            let object = Outputs::manifest_object(&name, &manifest);
            let etag = known.as_ref().map(|known| known.etag.as_str());
            if self.store.put_if_unchanged(object, etag).await? {
                self.announce(&name).await;
                return Ok((name, manifest));
            }
            tracing::info!(
                key = made.job.key,
                "the manifest was written meanwhile; the pictures go up again"
            );
        }
        Err(Failure::Contended)
    }

    /// Fails where another version of the video is published and current: choices that were made of
    /// that one must not be lost to pictures that are about to be replaced.
    async fn check_current(&self, made: Made<'_>, manifest: &Manifest) -> Result<(), Failure> {
        let Made { job, etag, .. } = made;
        if manifest.source_key != job.key || manifest.source_etag == etag {
            return Ok(());
        }
        match self.store.head(&job.key).await? {
            Some(head) if head.etag != etag => Err(SourceError::changed(job.key.as_str()).into()),
            _ => Ok(()),
        }
    }

    /// Writes the pictures under a name; `false` if another video has it.
    async fn upload(&self, claim: Claim, pictures: Vec<Object>) -> Result<bool, StoreError> {
        match claim {
            Claim::Ours { .. } => {
                let writes = pictures.into_iter().map(|picture| self.store.put(picture));
                try_join_all(writes).await?;
                Ok(true)
            }
            Claim::Free => self.claim(pictures).await,
            Claim::Others => Ok(false),
        }
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
            cache_control: metadata::INDEX_CACHE,
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
    async fn find_name(&self, job: &Job) -> Result<(OutputName, Found), StoreError> {
        let mut last = None;
        for name in &job.names {
            let found = self.owner_of(name, &job.key).await?;
            if !matches!(found.claim, Claim::Others) {
                return Ok((name.clone(), found));
            }
            last = Some((name.clone(), found));
        }
        // The last name has a digest of the key in it, so only a foreign object can be there.
        let others = Found {
            claim: Claim::Others,
            has_manifest: false,
        };
        Ok(last.unwrap_or_else(|| (job.names[0].clone(), others)))
    }

    async fn owner_of(&self, name: &OutputName, key: &str) -> Result<Found, StoreError> {
        let (picture, manifest) = (self.outputs.claim_key(name), name.manifest());
        let (picture, manifest) =
            futures::try_join!(self.store.head(&picture), self.store.head(&manifest))?;
        let ours = metadata::encode_key(key);
        let is_others =
            |head: &Option<Head>| head.as_ref().is_some_and(|head| owner(head) != Some(&ours));
        let claim = if is_others(&picture) || is_others(&manifest) {
            Claim::Others
        } else if picture.is_none() {
            Claim::Free
        } else {
            let etag = self.outputs.version(picture.as_ref());
            let is_manifests =
                |etag: &&String| self.outputs.version(manifest.as_ref()) == Some(*etag);
            Claim::Ours {
                etag: etag.filter(is_manifests).cloned(),
            }
        };
        Ok(Found {
            claim,
            has_manifest: manifest.is_some(),
        })
    }
}

fn owner(head: &Head) -> Option<&String> {
    head.metadata.get(metadata::SOURCE_KEY)
}
