"""Federations with hospitals that follow heads, and answers to them with changes."""

from __future__ import annotations

from dataclasses import replace

from proofward.federation.history.complaints import pair_of, published_key
from proofward.federation.messages.scaling import HEADS, Scaling
from proofward.federation.parties.extension import replayed
from proofward.federation.parties.light_hospital import LightHospital
from tests.federation.committee_plans import committee_plan


def heads_plan(rounds=2, **changes):
    """The consortium of `committee_plans`, whose verifiers sign heads."""
    return replace(committee_plan(rounds=rounds), scaling=Scaling(follow=HEADS), **changes)


class Twofold(LightHospital):
    """Does everything twice before it does it: on the head that it has, and on all entries up to there.

    What it would say is compared and not said. `compared` counts, by phase.
    """

    entries = None
    compared: dict[str, int] = {}
    dry = False

    def say(self, record, attachments=(), facts=None, secrets=None):
        if not self.dry:
            return super().say(record, attachments, facts, secrets)
        number, attempt = self.history.position()
        return repr((record, attachments, facts, secrets, number, attempt, self.history.size)).encode()

    def seal_share(self, holder, share):
        """In place of what is sealed with fresh randomness: for whom, with which key, and what."""
        if not self.dry:
            return super().seal_share(holder, share)
        pair, key = pair_of(self.history, self.name, holder), published_key(self.history, self.name, holder)
        return repr((pair, key, share)).encode()

    def duties(self):
        if self.follows_lightly and not self._drawn:
            shown, taken = self.history, self._taken
            light = self._owed()
            self._turn_to(replayed(self.rules, self.entries()[: shown.size]))
            self._taken = None
            full = self._owed()
            kept = self.kept_secrets()
            self._turn_to(shown)
            self._taken = taken
            assert light == full, (self.name, shown.phase, light, full)
            assert self.kept_secrets() & set(self.state.secrets.names()) == kept & set(self.state.secrets.names())
            if light:
                Twofold.compared[shown.phase] = Twofold.compared.get(shown.phase, 0) + 1
        yield from super().duties()

    def _owed(self):
        self.dry = True
        try:
            return list(super().duties())
        finally:
            self.dry = False
