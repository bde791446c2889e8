"""What a hospital keeps of its privacy budget: which sums it has consented to, in every attempt.

A release is spent when its consent is signed, not when the round closes: with all consents, share sums can be
collected off the ledger. So a hospital counts the sets that it has signed, a sum of counts for as many
releases as the rules say, writes the count down before the consent leaves, and spends no more than the rules
have. Whoever restarts attempts spends, and gets no more sums for it.

Who has none left sends no update: a set with it would lack its consent, and the others would have spent a
release on it for nothing. It still holds shares of others' keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from proofward.federation.history.steps.consent import releases_left, spent_now
from proofward.federation.messages.records.catalogue import Upload
from proofward.federation.parties.contributing.own_evaluation import Evaluator

SPENT = "releases"
"""The fact that says how many releases are spent; `release/DIGEST` says of each set that it was signed."""
NONE_LEFT = "the privacy budget is spent: all releases of the rules are signed"


class Spender(Evaluator):
    """A hospital as far as its consents are counted."""

    def may_release(self, accepted_set: bytes) -> bool:
        """Whether this hospital may consent to an accepted set: it has before, or a release is left."""
        return self._signed(accepted_set) or not self.has_spent_all

    @property
    def has_spent_all(self) -> bool:
        """Whether it may consent to no further sum of the kind that the round under way opens."""
        privacy = self.rules.config.privacy
        counted = releases_left(self.history, self.name) is not None
        cost = spent_now(self.history) if counted else 0
        return counted and privacy is not None and self.spent + cost > privacy.releases

    def _upload(self) -> Iterator[bytes]:
        """See Uploader; nothing where the set that it is for could not have this hospital's consent."""
        unable = self.fact_name("unable")
        if not self.has_spent_all or self.sent(Upload) is not None:
            yield from super()._upload()
        elif self.name in self.history.round.present and self.state.fact(unable) is None:
            self._unable(unable, NONE_LEFT)

    @property
    def spent(self) -> int:
        """How many releases this hospital has spent, on the ledger or off it."""
        own = int(self.state.fact(SPENT) or b"0")
        return max(own, self.history.releases.get(self.name, 0))

    def spending(self, accepted_set: bytes) -> dict[str, bytes]:
        """The facts to be stored with the consent to an accepted set."""
        if releases_left(self.history, self.name) is None or self._signed(accepted_set):
            return {}
        return {_signed(accepted_set): b"", SPENT: b"%d" % (self.spent + spent_now(self.history))}

    def _signed(self, accepted_set: bytes) -> bool:
        return self.state.fact(_signed(accepted_set)) is not None


def _signed(accepted_set: bytes) -> str:
    return f"release/{accepted_set.hex()}"
