"""A folder that behaves like configfs-tsm: made folders have files, and a written question has an answer."""

from __future__ import annotations

from pathlib import Path

from proofward.attestation.claims import TDX

PROVIDERS = {TDX: "tdx_guest"}


def fake_tsm(monkeypatch, made, *, provider="", others=0, evidence=None, generation="4"):
    """Puts a made machine behind folders that are made; others: how many others ask meanwhile."""
    make, write, remove = Path.mkdir, Path.write_bytes, Path.rmdir

    def mkdir(self, *given, **fields):
        make(self, *given, **fields)
        if self.name.startswith("proofward-"):
            (self / "provider").write_text(f"{provider or PROVIDERS.get(made.kind, 'sev_guest')}\n")
            (self / "generation").write_text(f"{generation}\n")

    def write_bytes(self, data):
        if self.name == "inblob":
            answer = made.item(data).evidence if evidence is None else evidence
            write(self.with_name("outblob"), answer)
            self.with_name("generation").write_text(f"{int(generation) + 1 + others}\n")
        return write(self, data)

    def rmdir(self):
        for path in self.iterdir():
            path.unlink()
        remove(self)

    monkeypatch.setattr(Path, "rmdir", rmdir)
    monkeypatch.setattr(Path, "mkdir", mkdir)
    monkeypatch.setattr(Path, "write_bytes", write_bytes)
