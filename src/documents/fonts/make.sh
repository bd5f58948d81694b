#!/usr/bin/env bash
# Makes the font files of this folder again, byte for byte, from public packages: needs apt-get, dpkg-deb, npm, sha256sum and python3.
# Each font is cut down to what is drawn: no hinting, no glyph names, no vertical metrics, and the characters that are listed below.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

apt-get download fonts-noto-core=20201225-1 fonts-droid-fallback=1:6.0.1r16-1.1 fonts-nanum=20200506-1
npm pack --silent @expo-google-fonts/noto-emoji@0.4.7
sha256sum --check --strict "$here/sources.sha256"
for package in *.deb; do dpkg-deb -x "$package" .; done
tar xzf expo-google-fonts-noto-emoji-0.4.7.tgz
python3 -m venv tools
tools/bin/pip install --quiet fonttools==4.60.1

noto=usr/share/fonts/truetype/noto
# cut FILE OUT CHARACTERS [OPTION…]
cut_font() {
    local from=$1 to=$2 characters=$3
    shift 3
    tools/bin/pyftsubset "$from" --output-file="$here/$to" --unicodes="$characters" --no-hinting --notdef-outline \
        --no-glyph-names --no-recalc-timestamp --drop-tables+=DSIG,vhea,vmtx,VORG,gasp,STAT,LTSH,hdmx,VDMX,BASE,MATH "$@"
}

# Latin, Greek and Cyrillic in two weights; the bold one, for headings, has fewer letters.
cut_font $noto/NotoSans-Regular.ttf NotoSans-Regular.ttf \
    'U+0020-052F,U+1D00-1DBF,U+1E00-1FFF,U+2000-218F,U+2C60-2C7F,U+2DE0-2E7F,U+A640-A69F,U+A720-A7FF,U+AB30-AB6F,U+FB00-FB06,U+FE20-FE2F,U+FFFD'
cut_font $noto/NotoSans-Bold.ttf NotoSans-Bold.ttf \
    'U+0020-0233,U+0259,U+02BB-02BC,U+0300-030C,U+0323-0328,U+0370-03E1,U+0400-052F,U+1E00-1FFF,U+2000-206F,U+20A0-20BF,U+2116,U+2122'
# Scripts that join, stack or turn their letters: everything that shapes them stays.
for script in Arabic Armenian Bengali Cherokee Devanagari Ethiopic Georgian Gujarati Gurmukhi Hebrew Kannada Khmer Lao Malayalam \
    Myanmar NKo Oriya Sinhala Tamil Telugu Thaana Thai Tifinagh; do
    cut_font $noto/NotoSans$script-Regular.ttf NotoSans$script-Regular.ttf '*' --layout-features='*'
done
cut_font $noto/NotoSansMath-Regular.ttf NotoSansMath-Regular.ttf 'U+2100-22FF'
cut_font $noto/NotoSansSymbols-Regular.ttf NotoSansSymbols-Regular.ttf 'U+2460-24FF,U+2600-27BF'
cut_font $noto/NotoSansSymbols2-Regular.ttf NotoSansSymbols2-Regular.ttf 'U+2300-23FF,U+2500-27BF,U+2B00-2BFF'
# Chinese and Japanese. All that shapes is left out, because horizontal text needs none of it.
cut_font usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf DroidSansFallbackFull.ttf \
    'U+3000-33FF,U+4E00-9FFF,U+FF00-FFEF' --layout-features=
# Korean. Its licence reserves the name Nanum for the unchanged font, so the copy has another.
cut_font usr/share/fonts/truetype/nanum/NanumSquareR.ttf Hangul-Regular.ttf 'U+3130-318F,U+AC00-D7A3' --layout-features=
tools/bin/python3 - "$here/Hangul-Regular.ttf" <<'RENAME'
import sys
from fontTools.ttLib import TTFont
font = TTFont(sys.argv[1], recalcTimestamp=False)
names = {1: "Customary Hangul", 2: "Regular", 4: "Customary Hangul", 6: "CustomaryHangul"}
font["name"].names = [record for record in font["name"].names if record.nameID in (0, 13, 14)]
for number, text in names.items():
    font["name"].setName(text, number, 3, 1, 0x409)
font.save(sys.argv[1])
RENAME
cut_font package/400Regular/NotoEmoji_400Regular.ttf NotoEmoji-Regular.ttf '*' --layout-features='*'

# The licences, each with the fonts that it is for in its name.
body() { sed -n '/^This Font Software is licensed/,$p' package/LICENSE_FONT; }
cp package/LICENSE_FONT "$here/NotoEmoji.LICENSE.txt"
{
    echo 'Copyright 2010-2020 Google LLC (https://github.com/googlei18n/noto-fonts)'
    echo
    body
} >"$here/NotoSans.LICENSE.txt"
{
    sed -n '/^ Copyright (c) 2010, NAVER/,/^ NanumBarunGothic,/s/^ \.\?//p' usr/share/doc/fonts-nanum/copyright
    echo 'The file Hangul-Regular.ttf is a part of NanumSquareR.ttf under another name.'
    echo
    body
} >"$here/Hangul.LICENSE.txt"
{
    echo 'Copyright 2006-2010 Google Corp. Droid is a trademark of Google Corp.'
    echo 'The file DroidSansFallbackFull.ttf is a part of the file of that name in Debian.'
    echo
    cat /usr/share/common-licenses/Apache-2.0
} >"$here/DroidSansFallbackFull.LICENSE.txt"
(cd "$here" && sha256sum -- *.ttf >fonts.sha256)
