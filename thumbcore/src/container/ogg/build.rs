//! Ogg files for tests, without checksums.

/// Writes one stream into pages.
#[derive(Default)]
pub(super) struct Muxer {
    serial: u32,
    number: u32,
    sizes: Vec<u8>,
    body: Vec<u8>,
    granule: Option<u64>,
    /// The page that is being filled began in the middle of a packet.
    is_continued: bool,
    file: Vec<u8>,
}

impl Muxer {
    pub(super) fn new(serial: u32) -> Self {
        Self {
            serial,
            ..Self::default()
        }
    }

    pub(super) fn packet(&mut self, packet: &[u8], granule: u64) {
        let mut rest = packet;
        loop {
            if self.sizes.len() == 255 {
                let is_inside = rest.len() < packet.len();
                self.page(0);
                self.is_continued = is_inside;
            }
            let (part, behind) = rest.split_at(rest.len().min(255));
            self.sizes.push(part.len() as u8);
            self.body.extend_from_slice(part);
            rest = behind;
            if part.len() < 255 {
                self.granule = Some(granule);
                break;
            }
        }
    }

    /// Ends the page.
    pub(super) fn flush(&mut self) {
        if !self.sizes.is_empty() {
            self.page(0);
        }
    }

    fn page(&mut self, flags: u8) {
        let first = if self.number == 0 { 2 } else { 0 };
        let mut page = b"OggS\0".to_vec();
        page.push(flags | first | u8::from(self.is_continued));
        page.extend(self.granule.unwrap_or(u64::MAX).to_le_bytes());
        page.extend(self.serial.to_le_bytes());
        page.extend(self.number.to_le_bytes());
        page.extend([0; 4]);
        page.push(self.sizes.len() as u8);
        page.append(&mut self.sizes);
        page.append(&mut self.body);
        self.file.append(&mut page);
        self.number += 1;
        self.granule = None;
        self.is_continued = false;
    }

    /// The file, whose last page says that it is the last.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.page(4);
        self.file
    }
}
