"""`python -m benchmarks.caller CONTENDER TARGET`: a client that times what it is told to, an order a line on stdin.

Orders are JSON: {"case": "S", "check": true} answers with the loss and a digest of the gradient; {"case": "S",
"callers": 32, "seconds": 1.0} calls from that many threads for that long and answers with the number of calls, the
seconds they took together and their latencies.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
import time
from typing import Any

from benchmarks.cases import CASES, Case
from benchmarks.contenders import CONTENDERS, Caller

_LEAST_CALLS = 3


def check(call: Caller, case: Case) -> dict[str, Any]:
    """What one call answers."""
    value, gradient = call(case)
    return {"value": value, "gradient": hashlib.sha256(gradient.tobytes()).hexdigest() if case.gradient else ""}


def alone(call: Caller, case: Case, seconds: float) -> dict[str, Any]:
    """One call after the other."""
    latencies = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds or len(latencies) < _LEAST_CALLS:
        before = time.perf_counter()
        call(case)
        latencies.append(time.perf_counter() - before)
    return {"calls": len(latencies), "seconds": time.perf_counter() - begun, "latencies": latencies}


def together(call: Caller, case: Case, callers: int, seconds: float) -> dict[str, Any]:
    """Many threads, each one call after the other."""
    counts = [0] * callers
    barrier = threading.Barrier(callers + 1)
    ended = threading.Event()

    def run(index: int) -> None:
        barrier.wait()
        while not ended.is_set():
            call(case)
            counts[index] += 1

    threads = [threading.Thread(target=run, args=(index,)) for index in range(callers)]
    for thread in threads:
        thread.start()
    barrier.wait()
    begun = time.perf_counter()
    time.sleep(seconds)
    done, took = sum(counts), time.perf_counter() - begun
    ended.set()
    for thread in threads:
        thread.join()
    return {"calls": done, "seconds": took, "latencies": []}


def main() -> None:
    """Obeys orders until stdin closes."""
    contender, target = sys.argv[1:]
    call = CONTENDERS[contender].connect(target)
    for line in sys.stdin:
        order = json.loads(line)
        case = CASES[order["case"]]
        if not CONTENDERS[contender].evaluates and order.get("check"):
            answer: dict[str, Any] = {}
        elif order.get("check"):
            answer = check(call, case)
        elif order["callers"] == 1:
            answer = alone(call, case, order["seconds"])
        else:
            answer = together(call, case, order["callers"], order["seconds"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
