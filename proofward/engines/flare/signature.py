"""The server's signature on its own messages, made anew once it can sign.

FLARE's server listens before it knows its key. A message that leaves in between, as on a machine that is very
busy, is signed with the word NA, and FLARE keeps that for all later ones: nobody would ever believe it again.
"""

from __future__ import annotations

from nvflare.apis.event_type import EventType
from nvflare.apis.fl_component import FLComponent
from nvflare.apis.fl_constant import FLContextKey
from nvflare.apis.fl_context import FLContext


class FreshSignature(FLComponent):
    """See the module; in the server's parent process."""

    def handle_event(self, event_type: str, fl_ctx: FLContext) -> None:
        """When the system starts, the key is known, and the next message is signed with it."""
        if event_type == EventType.SYSTEM_START:
            server = fl_ctx.get_prop(FLContextKey.SITE_OBJ)
            server.my_own_token_signature = None
