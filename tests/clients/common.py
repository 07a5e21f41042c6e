"""What the client scripts share: the sandbox's description, and checks that say what failed."""

import json
import logging
import os
import sys
import traceback
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

with open(os.environ["DIPTYCH_SANDBOX"], encoding="utf-8") as file:
    SANDBOX = json.load(file)

CA = SANDBOX["ca"]
_done = 0
_failed = []


def check(what, truth, *seen):
    """Counts one check; a failed one is told with what was seen and the script goes on."""
    global _done
    _done += 1
    if not truth:
        _failed.append(what)
        print(f"FAILED {what}: {seen!r}"[:2000], flush=True)


def raises(what, kinds, call):
    """The call must raise one of the kinds, which is given back."""
    try:
        seen = call()
    except kinds as error:
        check(what, True)
        return error
    except Exception as error:  # noqa: BLE001
        check(what, False, type(error), str(error))
        return error
    check(what, False, seen)
    return None


def part(work):
    """Runs one part; an exception fails it without hiding the parts after it."""
    try:
        work()
    except Exception:  # noqa: BLE001
        _failed.append(work.__name__)
        print(f"FAILED {work.__name__}\n{traceback.format_exc()}"[:6000], flush=True)


def finish():
    """Exit code 0 only when everything held."""
    print(f"{os.path.basename(sys.argv[0])}: {_done} checks, {len(_failed)} failed", flush=True)
    sys.exit(1 if _failed else 0)
