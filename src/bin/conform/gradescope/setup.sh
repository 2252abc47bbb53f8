#!/bin/sh
# Gradescope runs this once, as root, when it builds the image of the assignment.
set -eu
cd "$(dirname "$0")"

# Add what your students' programs need, such as default-jdk-headless or make.
packages=python3

missing=
for package in $packages; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing="$missing $package"
done
if [ -n "$missing" ]; then
    apt-get update
    # shellcheck disable=SC2086 # These are several words.
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
fi

chmod 755 conform run_autograder
# The image must not build if conform does not start in it.
./conform --version
