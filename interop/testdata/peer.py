"""A pyzmq peer for the tests: peer.py ROLE bind|connect ENDPOINT [ARGUMENT...].

Prints "endpoint E" first when it binds, then what it receives, one line per message, frames joined by a
space. Roles that have no end of their own go on until standard input is closed.
"""

import json
import os
import sys
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

PATIENCE = 20_000  # ms; the tests' deadline for anything that must happen


def say(*words):
    print(*words, flush=True)


def show(frames):
    say(" ".join(f.decode() for f in frames))


def open_socket(kind, how, endpoint, identity=None):
    s = zmq.Context.instance().socket(kind)
    s.linger = 2000
    s.rcvtimeo = s.sndtimeo = PATIENCE
    if identity:
        s.identity = identity
    if how == "bind":
        s.bind(endpoint)
        say("endpoint", s.getsockopt_string(zmq.LAST_ENDPOINT))
    else:
        s.connect(endpoint)
    return s


def until_stdin_ends(sockets, on_input, on_tick=None):
    """Hands readable sockets to on_input, and calls on_tick every 5 ms, until standard input ends."""
    poller = zmq.Poller()
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    for s in sockets:
        poller.register(s, zmq.POLLIN)
    while True:
        ready = dict(poller.poll(5 if on_tick else PATIENCE))
        if not ready and not on_tick:
            raise SystemExit("peer.py: nothing happened")
        if sys.stdin.fileno() in ready:
            return
        for s in ready:
            on_input(s)
        if on_tick:
            on_tick()


def pub(how, endpoint):
    """Publishes ["a", n] and ["b", n], n counting up."""
    s = open_socket(zmq.PUB, how, endpoint)
    n = 0

    def tick():
        nonlocal n
        for topic in (b"b", b"a"):
            s.send_multipart([topic, str(n).encode()])
        n += 1

    until_stdin_ends([], None, tick)


def pull(how, *endpoints_and_total):
    """One PULL per endpoint; takes the given number of messages, then prints how many came by each."""
    *endpoints, total = endpoints_and_total
    sockets = [open_socket(zmq.PULL, how, e) for e in endpoints]
    counts = dict.fromkeys(sockets, 0)
    seen = set()
    poller = zmq.Poller()
    for s in sockets:
        poller.register(s, zmq.POLLIN)
    while sum(counts.values()) < int(total):
        ready = poller.poll(PATIENCE)
        if not ready:
            raise SystemExit(f"peer.py: only {list(counts.values())} of {total} came")
        for s, _ in ready:
            seen.add(s.recv())
            counts[s] += 1
    say(len(seen), "different:", *counts.values())


def push(how, endpoint):
    """Sends one message, waits for standard input to end."""
    s = open_socket(zmq.PUSH, how, endpoint)
    s.send(b"hello")
    until_stdin_ends([], None)


def rep(how, endpoint):
    """Replies with "re" before the request's frames."""
    s = open_socket(zmq.REP, how, endpoint)
    until_stdin_ends([s], lambda s: s.send_multipart([b"re"] + s.recv_multipart()))


def req(how, endpoint, *frames):
    s = open_socket(zmq.REQ, how, endpoint)
    s.send_multipart([f.encode() for f in frames])
    show(s.recv_multipart())


def router(how, endpoint):
    """Answers [identity, frames...] with [identity, "to", identity, frames...]."""
    s = open_socket(zmq.ROUTER, how, endpoint)

    def answer(s):
        identity, *frames = s.recv_multipart()
        s.send_multipart([identity, b"to", identity] + frames)

    until_stdin_ends([s], answer)


def dealer(how, endpoint, identity, *frames):
    s = open_socket(zmq.DEALER, how, endpoint, identity.encode())
    s.send_multipart([f.encode() for f in frames])
    show(s.recv_multipart())


def tell(kind, **fields):
    say(json.dumps({"kind": kind, **fields}))


def tree(kind, name, note, *endpoints):
    """A member of a topic tree: PUB or SUB at all the endpoints, each with @ to bind or > to connect.

    Says what it bound, its lifecycle and what it receives as lines of JSON, like the tests' busPeer. A PUB publishes
    on tree.NAME every 2 ms between the lines "on" and "off" of standard input, whose end is its own.
    """
    s = zmq.Context.instance().socket(getattr(zmq, kind))
    s.linger = 0
    s.reconnect_ivl = 50
    s.heartbeat_ivl, s.heartbeat_timeout = 200, 400
    monitor = s.get_monitor_socket()
    if kind == "SUB":
        s.subscribe(b"tree.")
    for e in endpoints:
        (s.bind if e[0] == "@" else s.connect)(e[1:])
        tell("link", endpoint=s.getsockopt_string(zmq.LAST_ENDPOINT) if e[0] == "@" else e[1:])
    poller = zmq.Poller()
    for source in (0, monitor) + ((s,) if kind == "SUB" else ()):
        poller.register(source, zmq.POLLIN)
    publishing, at = False, 0
    while True:
        ready = dict(poller.poll(2 if publishing else PATIENCE))
        if monitor in ready:
            m = recv_monitor_message(monitor)
            tell("event", name=zmq.Event(m["event"]).name, endpoint=m["endpoint"].decode(), conn=m["value"], at=time.time_ns())
        if s in ready:
            topic, payload = s.recv_multipart()
            v = json.loads(payload)
            tell("value", topic=topic.decode(), **{"from": v["from"], "note": v["note"]}, at=v["at"])
        if 0 in ready:
            orders = os.read(0, 4096).split()
            if not orders:
                return
            publishing = kind == "PUB" and orders[-1] == b"on"
            tell("ack", name=orders[-1].decode())
        if publishing:
            at = max(at + 1, time.time_ns())
            s.send_multipart([b"tree." + name.encode(), json.dumps({"from": name, "note": note, "at": at}).encode()])


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
    zmq.Context.instance().destroy()
