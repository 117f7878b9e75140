#!/bin/sh
# SAPO Studio.app and a disk image of it. Run on macOS, in the environment of `make package`:
#     sh packaging/macos/build.sh [OUT]
# Not run yet: written for macOS 12 and newer, and checked by tests/kernel/test_packaging.py for names and paths alone.
# Signing: set CODESIGN_IDENTITY; without it the first start needs a right click, Open.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-"$root/dist"}
python=${PYTHON:-"$root/.venv-package/bin/python"}
work="$root/build/package"
version=$("$python" -c 'import sapo_studio; print(sapo_studio.__version__)')
mkdir -p "$out" "$work/sapo-studio.iconset"

# The icon, in the sizes that iconutil wants.
for size in 16 32 128 256 512; do
    "$python" "$root/packaging/desktop.py" --icon "$work/sapo-studio.iconset/icon_${size}x${size}.png" "$size"
    "$python" "$root/packaging/desktop.py" --icon "$work/sapo-studio.iconset/icon_${size}x${size}@2x.png" $((2 * size))
done
iconutil --convert icns --output "$work/sapo-studio.icns" "$work/sapo-studio.iconset"

"$python" "$root/packaging/build.py" "$out"
app="$work/bundle/SAPO Studio.app"
if [ -n "${CODESIGN_IDENTITY:-}" ]; then
    codesign --force --deep --options runtime --timestamp --sign "$CODESIGN_IDENTITY" "$app"
fi

image="$work/image"
rm -rf "$image"
mkdir -p "$image"
cp -R "$app" "$image/"
ln -s /Applications "$image/Applications"
hdiutil create -volname "SAPO Studio $version" -srcfolder "$image" -ov -format UDZO \
    "$out/sapo-studio-$version-$(uname -m).dmg"
