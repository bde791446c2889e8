"""[attestation] of consortium.toml: read, written, refused with words."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from proofward.attestation.policy import REQUIRED, Policy, vendor_roots
from proofward.cli.project.consortium_file.reading import project_of
from proofward.cli.project.consortium_file.writing import project_text
from proofward.cli.project.tables.attestation import attestation_in_words, attestation_lines, read_attestation
from proofward.cli.project.tables.table import ProjectError

LAUNCH, MRTD = "ab" * 48, "cd" * 48
SITES = "".join(f'[[site]]\nname = "h{number}"\nroles = ["hospital", "verifier"]\n' for number in range(3))
FILE = 'title = "a"\nserver = "localhost"\n{table}\n' + SITES


def test_a_table_becomes_rules_and_comes_back_from_the_written_file():
    table = f'[attestation]\nlevel = "required"\nkinds = ["tdx", "snp"]\nmeasurements = ["tdx mrtd {MRTD}", "snp launch {LAUNCH}"]\n'
    project, problems = project_of(tomllib.loads(FILE.format(table=table)), Path())
    assert problems == [] and project is not None
    rules = project.terms().check()
    assert rules.attestation == project.attestation == Policy(
        REQUIRED, ("snp", "tdx"), measurements=(("snp", "launch", (bytes.fromhex(LAUNCH),)), ("tdx", "mrtd", (bytes.fromhex(MRTD),))),
        roots=vendor_roots(("snp", "tdx")),
    )  # fmt: skip
    again, _ = project_of(tomllib.loads(project_text(project)), Path())
    assert again is not None and again.terms().digest == project.terms().digest


def test_without_a_table_nothing_is_asked_and_nothing_is_written():
    for table in ("", "[attestation]\n", '[attestation]\nlevel = "none"\n'):
        project, problems = project_of(tomllib.loads(FILE.format(table=table)), Path())
        assert problems == [] and project is not None and project.attestation is None
        assert project.terms().check().attestation is None and "[attestation]" not in project_text(project)
    assert attestation_in_words(None) == [] == list(attestation_lines(None))


def test_another_root_is_told_in_words():
    policy = read_attestation({"level": "recorded", "roots": [f"snp {'11' * 32}"]})
    assert policy is not None and policy.roots_of("snp") == (bytes.fromhex("11" * 32),)
    (words,) = attestation_in_words(policy)
    assert "no vendor's: 1111111111111111" in words and "stands for no proof" in words
    assert f'roots = ["snp {"11" * 32}"' in "\n".join(attestation_lines(policy))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"level": "must"}, "attestation.level"),
        ({"kinds": ["snp"]}, "as other keys are given"),
        ({"level": "required", "kinds": ["sgx"]}, "attestation.kinds"),
        ({"level": "required", "kinds": ["nvidia-gpu"]}, "attestation.kinds"),
        ({"level": "required", "measurements": ["snp launch xy"]}, "in hexadecimal digits"),
        ({"level": "required", "measurements": [LAUNCH]}, "a kind, a label and a value"),
        ({"level": "required", "measurements": ["snp launch abcd"]}, "48 bytes"),
        ({"level": "required", "roots": [f"sgx {'11' * 32}"]}, "attestation.roots"),
        ({"level": "required", "maximum_age": 0}, "attestation.maximum_age"),
        ({"level": "required", "statuses": ["Revoked"]}, "attestation.statuses"),
        ({"level": "required", "owner": 1}, "an unknown key"),
    ],
)
def test_what_makes_no_sense_is_refused_with_words(values, words):
    with pytest.raises(ProjectError, match=words):
        read_attestation(values)
