#!/bin/sh
# Builds FFmpeg from Debian's source package, with what thumbcore opens and nothing else, and installs it below PREFIX:
#
#   docker/build-ffmpeg.sh PREFIX
#
# Debian's own libavcodec brings 130 shared libraries, encoders, devices and network protocols that a thumbnailer never
# uses, and whose bugs are its risk all the same. This one has the demuxers and decoders of thumbcore's allow-list
# (thumbcore/src/container; a test compares the lists), no encoder, no muxer, no protocol, and zlib and dav1d as its only
# libraries. It is LGPL, and shared, so that others can put in their own. Debian's source package rather than a tarball:
# apt checks its signature, and it carries the security fixes.
set -eu

prefix=${1:?where to install}

# libav's short name is not always its component's: `mpeg` is mpegps, `obu` and the others are the same.
demuxers="mov matroska mpegts mpegps flv avi asf ogg mxf rm gif ivf dv nut h264 hevc m4v mpegvideo mjpeg obu av1 vc1 h263 h261
    dirac yuv4mpegpipe"
# `msmpeg4` is msmpeg4v3. AV1 is decoded by dav1d.
decoders="h264 hevc vvc libdav1d vp8 vp9 vp6 vp6a vp6f vp7 mpeg1video mpeg2video mpegvideo mpeg4 msmpeg4v1 msmpeg4v2
    msmpeg4v3 h261 h263 h263i h263p flv flashsv flashsv2 wmv1 wmv2 wmv3 vc1 theora dirac mjpeg prores dnxhd dvvideo rv10
    rv20 rv30 rv40 svq1 svq3 cinepak gif png rawvideo huffyuv ffvhuff ffv1 utvideo qtrle msvideo1 cfhd"
# Those that thumbcore opens in its sandbox only. `camtasia` is tscc, `camstudio` cscd, `ultimotion` ulti, `8bps` eightbps,
# and `012v` zero12v.
confined_demuxers="wtv pva apng"
confined_decoders="vp3 vp4 vp5 cavs snow tscc tscc2 cscd zmbv fraps g2m mss1 mss2 msa1 mts2 vmnc rscc screenpresso scpr fmvc wcmv
    tdsc mwsc mscc srgc lscr rasc arbc kgv1 aasc msrle eightbps smc rpza qpeg indeo2 indeo3 indeo4 indeo5
    truemotion1 truemotion2 ulti xan_wc4 clearvideo agm imm4 imm5 zerocodec frwu apng lagarith mszh zlib magicyuv
    vble loco ylc cllc hq_hqa hqx dxtory dxv hap notchlc aic pixlet sheervideo speedhq prosumer m101 jpeg2000 jpegls
    mjpegb sp5x asv1 asv2 aura aura2 cljr cyuv vcr1 xl wnv1 avrp avui v210 v210x v308 v408 v410 ayuv y41p yuv4
    zero12v r10k r210"
# They find where frames begin, and what a stream's header does not tell.
parsers="h264 hevc vvc av1 vp8 vp9 mpegvideo mpeg4video h261 h263 vc1 dirac mjpeg png gif dnxhd rv34 cavsvideo"
filters="extract_extradata h264_mp4toannexb hevc_mp4toannexb vvc_mp4toannexb av1_frame_merge av1_frame_split
    vp9_superframe vp9_superframe_split mpeg4_unpack_bframes"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# apt drops its rights for the download, and must still be able to write here.
chmod 755 .
apt-get source --quiet ffmpeg
cd ffmpeg-*/

options() {
    kind=$1
    shift
    for name in "$@"; do
        printf -- '--enable-%s=%s ' "$kind" "$name"
    done
}
# shellcheck disable=SC2046,SC2086 # words on purpose
./configure --prefix="$prefix" --libdir="$prefix/lib" \
    --enable-shared --disable-static --disable-debug --disable-doc --disable-programs \
    --disable-everything --disable-autodetect --disable-network --disable-avdevice --disable-avfilter \
    --disable-swresample --enable-swscale --enable-zlib --enable-libdav1d \
    $(options demuxer $demuxers $confined_demuxers) $(options decoder $decoders $confined_decoders) \
    $(options parser $parsers) $(options bsf $filters) |
    tee configure.log
make --jobs="$(nproc)" >/dev/null
make install >/dev/null
cp COPYING.LGPLv2.1 "$prefix/"
dpkg-parsechangelog --show-field Version >"$prefix/VERSION"
