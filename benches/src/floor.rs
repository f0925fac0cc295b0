//! The least that three thumbnails can cost: one decoder decodes their keyframes' packets, which
//! are in memory already, libswscale scales the frames, and `TurboJPEG` encodes their planes in
//! place.
//!
//! The floor fetches no byte, reads no container, converts no colour and checks nothing. It uses
//! thumbcore's codec libraries and its way of scaling, so the difference is thumbcore's own cost.

use std::{path::Path, time::Duration};

use anyhow::Context;
use ffmpeg_next::{
    Discard, Frame,
    codec::{self, Parameters, decoder::Opened, packet::Packet, threading},
    format,
    frame::Video,
    media::Type,
    software::scaling::{Context as Scaler, Flags},
};

/// Packets of one video, ready to become pictures.
pub struct Floor {
    parameters: Parameters,
    /// Width of the coded picture, in pixels.
    width: u32,
    packets: Vec<Packet>,
}

/// How pictures are made: thumbcore's defaults.
const MAX_WIDTH: u32 = 640;
/// From this reduction on, block edges are invisible, and the loop filter is skipped as in
/// thumbcore.
const HIDES_BLOCKS: u32 = 3;
const QUALITY: i32 = 85;

impl Floor {
    /// Reads the file at `path` from start to end and keeps the keyframes nearest to `times`.
    ///
    /// `times` count from the first timestamp, as those of a thumbnail do.
    pub fn load(path: &Path, times: &[Duration]) -> anyhow::Result<Self> {
        ffmpeg_next::init()?;
        let mut input = format::input(path)?;
        let stream = input
            .streams()
            .best(Type::Video)
            .with_context(|| format!("{} has no video", path.display()))?;
        let (index, base) = (stream.index(), f64::from(stream.time_base()));
        let start = stream.start_time() as f64 * base;
        let parameters = stream.parameters().clone();
        let mut nearest: Vec<Option<(f64, Packet)>> = vec![None; times.len()];
        for packet in input.packets() {
            let (stream, packet) = packet;
            if stream.index() != index || !packet.is_key() {
                continue;
            }
            let Some(ticks) = packet.pts().or(packet.dts()) else {
                continue;
            };
            let seconds = ticks as f64 * base - start;
            for (slot, time) in nearest.iter_mut().zip(times) {
                let distance = (seconds - time.as_secs_f64()).abs();
                if slot.as_ref().is_none_or(|(best, _)| distance < *best) {
                    *slot = Some((distance, packet.clone()));
                }
            }
        }
        let packets: Option<Vec<_>> = nearest
            .into_iter()
            .map(|found| found.map(|(_, packet)| packet))
            .collect();
        let width = codec::Context::from_parameters(parameters.clone())?
            .decoder()
            .video()?
            .width();
        Ok(Self {
            parameters,
            width,
            packets: packets.with_context(|| format!("{} has no keyframe", path.display()))?,
        })
    }

    /// Makes the pictures with a new decoder, which every video needs.
    pub fn pictures(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut decoder = self.decoder()?;
        self.packets
            .iter()
            .map(|packet| encode(&scale(&decode(&mut decoder, packet)?)?))
            .collect()
    }

    /// Only decodes, and returns the frames.
    pub fn frames(&self) -> anyhow::Result<Vec<Video>> {
        let mut decoder = self.decoder()?;
        self.packets
            .iter()
            .map(|packet| decode(&mut decoder, packet))
            .collect()
    }

    fn decoder(&self) -> anyhow::Result<Opened> {
        let mut context = codec::Context::from_parameters(self.parameters.clone())?;
        context.set_threading(threading::Config::count(1));
        let codec = codec::decoder::find(context.id()).context("no decoder")?;
        let mut opened = context.decoder().open_as(codec)?;
        if self.width >= HIDES_BLOCKS * MAX_WIDTH {
            opened.skip_loop_filter(Discard::All);
        }
        Ok(opened)
    }
}

fn decode(decoder: &mut Opened, packet: &Packet) -> anyhow::Result<Video> {
    decoder.flush();
    decoder.send_packet(packet)?;
    decoder.send_eof()?;
    let mut frame = Video::empty();
    let raw: &mut Frame = &mut frame;
    decoder.receive_frame(raw)?;
    Ok(frame)
}

/// `frame` at thumbcore's default width, as 8 bit 4:2:0.
pub fn scale(frame: &Video) -> anyhow::Result<Video> {
    let width = frame.width().min(MAX_WIDTH);
    // An even height, so that the planes need no padding.
    let height = (frame.height() * width / frame.width()).next_multiple_of(2);
    let mut scaler = Scaler::get(
        frame.format(),
        frame.width(),
        frame.height(),
        format::Pixel::YUV420P,
        width,
        height,
        Flags::BICUBIC,
    )?;
    let mut scaled = Video::empty();
    scaler.run(frame, &mut scaled)?;
    Ok(scaled)
}

/// `frame`, of even size, as JPEG.
pub fn encode(frame: &Video) -> anyhow::Result<Vec<u8>> {
    let mut compressor = turbojpeg::Compressor::new()?;
    compressor.set_quality(QUALITY)?;
    let image = turbojpeg::YuvPlanesImage {
        y_plane: frame.data(0),
        u_plane: frame.data(1),
        v_plane: frame.data(2),
        y_stride: frame.stride(0),
        u_stride: frame.stride(1),
        v_stride: frame.stride(2),
        width: frame.width() as usize,
        height: frame.height() as usize,
        subsamp: turbojpeg::Subsamp::Sub2x2,
    };
    Ok(compressor.compress_yuv_planes_to_vec(&image)?)
}
