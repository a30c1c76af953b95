"""Sends lineage events, and dies by SIGKILL once the receiver has taken some, before the last of these is recorded."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from lockgate.adapters.openlineage import sending
from lockgate.app.lineage_events import deliver_events
from lockgate.app.wiring import open_wiring

folder, taken = sys.argv[1:]
left = iter(range(int(taken) - 1, -1, -1))
opened = sending.open_sender


def dying(*arguments):
    send = opened(*arguments)

    def send_and_die(event):
        said = send(event)
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return said

    return send_and_die


sending.open_sender = dying
deliver_events(open_wiring(Path(folder), None))
