#!/usr/bin/env bash
# Make sure that a Chromium is here for the browser test; Debian and Ubuntu by apt.
set -euo pipefail

if command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "The browser test needs Chromium: install it with your package manager (command: chromium)." >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  sudo=""
elif sudo -n true 2>/dev/null; then
  sudo="sudo"
else
  echo "The browser test needs Chromium: run 'sudo apt-get install chromium', then again." >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -y -qq chromium >/dev/null
