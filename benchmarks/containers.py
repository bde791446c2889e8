"""The image is built, and a federation of six closed containers runs to its end and is audited.

    python benchmarks/containers.py [--smallest] [--rounds N] [--anew]

Podman, buildah and mmdebstrap are needed, and the superuser (Debian: `apt-get install podman buildah runc
mmdebstrap`); where they are missing the reason is printed, and nothing was shown. Printed: one JSON
document a case. `image`: how it was built, and on which base. `inside`: what a container may do, and that
no kernel is compiled once more at its start. `federation`: whether six containers on a network without a
way out finish their rounds, the audit in a container without any network, and how each ends after SIGTERM.
Exit code 1 when anything is not as it should be. A build takes minutes; `--smallest` builds nothing and
looks into an image that is there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from _container_engine import IMAGE, EngineFailed, build, has_image, why_not
from _container_federation import federation
from _container_inside import flaws, hardening, kernels
from _machine import print_result

MOST_START_SECONDS = 1.0


def main() -> int:
    """Runs the cases; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="nothing is built, no federation")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of the federation (default: 2)")
    parser.add_argument("--anew", action="store_true", help="build the image even if there is one")
    options = parser.parse_args()
    reason = why_not()
    if not reason and options.smallest and not has_image(IMAGE):
        reason = f"no image {IMAGE} is here, and the smallest size builds none"
    if reason:
        print_result("containers", skipped=reason)
        return 0
    wrong: list[str] = []
    if not options.smallest:
        print_result("containers", case="image", **asdict(build(options.anew)))
    inside = hardening() | kernels()
    wrong += flaws(inside)
    spent = inside["kernels_processor_seconds"]
    if float(str(spent)) > MOST_START_SECONDS:
        wrong.append(f"kernels took {spent} processor seconds, expected at most {MOST_START_SECONDS}")
    print_result("containers", case="inside", **inside, wrong=wrong)
    if not options.smallest:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o711)
            ran = federation(Path(folder), options.rounds)
        found = flaws(ran["network"]) + ran["audit"]["failed"]
        ended = {name: end["code"] for name, end in ran["ended"].items()}
        found += [f"{name} ended with code {code}" for name, code in ended.items() if code]
        print_result("containers", case="federation", **ran, wrong=found)
        wrong += found
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except EngineFailed as error:
        sys.exit(f"Error: {error}")
