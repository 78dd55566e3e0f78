# SPDX-License-Identifier: BSD-3-Clause
"""A host, a card and what is on its wire, each in a network namespace of its own.

    host: sluice0 = sluice-shim ~~~ card: sluice-fw: net_host0 - stack - card0 ~~~ wire: wire0
"""
import shutil
import subprocess
import tempfile
from pathlib import Path

import firmware as fw
import netns
import policies

DEVICE, CARD_END, WIRE_END = "sluice0", "card0", "wire0"
HOST4, WIRE4, HOST6, WIRE6 = "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"
HOST_ADDRESSES, WIRE_ADDRESSES = (f"{HOST4}/24", f"{HOST6}/64"), (f"{WIRE4}/24", f"{WIRE6}/64")
MAC = "02:00:00:00:51:01"
SHIM_READY = "sluice-shim: ready"


class Shim:
    """`stop` demands a clean end; `kill` none."""

    def __init__(self, namespace, runtime_dir, port="host0", name=DEVICE, *words):
        self.killed = False
        self.out = tempfile.NamedTemporaryFile("w+", prefix="sluice-shim-")  # pylint: disable=consider-using-with
        command = [fw.SHIM, "--runtime-dir", runtime_dir, "--port", port, "--name", name, *words]
        self.process = subprocess.Popen(namespace.command(command), stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=self.out, env=fw.ENVIRONMENT)

    def output(self):
        return Path(self.out.name).read_text()

    def wait_for(self, text, seconds=60):
        fw.wait_until(lambda: text in self.output() or self.process.poll() is not None, text, seconds)
        assert text in self.output(), f"sluice-shim ended with {self.process.poll()}: {self.output()}"
        return self

    def wait_ready(self):
        return self.wait_for(SHIM_READY)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(timeout=30)
        report = self.output()
        assert status == 0 and not fw.sanitizer_report(report), f"sluice-shim ended with {status}:\n{report}"

    def kill(self):
        self.killed = True
        self.process.kill()
        self.process.wait()


class Card:
    """A firmware between host and wire. It can be killed and started again in the same place."""

    def __init__(self, document, folder, **options):
        self.host, self.wire, self.inside = netns.Namespace(), netns.Namespace(), netns.Namespace()
        self.shims, self.firmware = [], None
        self.document, self.folder, self.options = document, folder, {"verifier_seed": 1, **options}
        self.runtime_dir = Path(tempfile.mkdtemp(prefix="sluice-"))

    def launch(self):
        """Begins to start the firmware."""
        self.firmware = fw.Firmware(self.document, self.folder, runtime_dir=self.runtime_dir,
                                    namespace=self.inside, **self.options)
        return self.firmware

    def start(self):
        return self.launch().wait_ready()

    def shim(self, *words, **members):
        one = Shim(self.host, self.runtime_dir, members.get("port", "host0"), members.get("name", DEVICE), *words)
        self.shims.append(one)
        return one

    def dress(self):
        """Gives the device its addresses, and waits until it can be used."""
        self.host.address(DEVICE, *HOST_ADDRESSES)
        if self.inside is self.wire:
            self.wire.address(WIRE_END, *WIRE_ADDRESSES)
        fw.wait_until(lambda: self.host.has_carrier(DEVICE), "the device has a carrier", 20)

    def link(self, port="host0"):
        """What the firmware says of a port's link."""
        return next(row["link"] for row in self.firmware.json("port", "list") if row["name"] == port)

    def close(self):
        """Everything in order; then nothing is left, whatever was wrong."""
        failures, alive = [], [shim for shim in self.shims if not shim.killed]
        try:
            for one in filter(None, [*alive, self.firmware]):
                try:
                    one.stop()
                except (AssertionError, subprocess.TimeoutExpired) as failure:
                    failures.append(str(failure))
        finally:
            for one in filter(None, [*self.shims, self.firmware]):
                one.kill()
            shutil.rmtree(self.runtime_dir, ignore_errors=True)
            for namespace in {self.host, self.wire, self.inside}:
                namespace.close()
        assert not failures, "\n".join(failures)


def document(wire, deny=None, beside=False, mtu=1500, queues=1):
    """A stack between a host and a wire device, with a firewall; another one `beside` it, for a second host."""
    members = {"mtu": mtu, "queues": queues}
    rules = {"tcp": {"destination-port": {"operator": "eq", "port": deny}}}
    whole = policies.document(policies.port("host0", f"net_host0,mac={MAC},entries=512,mtu={mtu},queues={queues}", **members),
                              policies.port("wire0", wire, **members), [policies.filter_driver("fw")],
                              {"fw": [policies.ace("denied", "out", "drop", rules, 10)]} if deny else None)
    if beside:
        whole["sluice:ports"]["port"] += [policies.port("host1", "net_host1"), policies.port("wire1", "net_null1,no-rx=1")]
        whole["sluice:stacks"]["stack"].append({"name": "other", "upper-port": "host1", "lower-port": "wire1",
                                                "driver": [policies.passthru_driver("p1")]})
    return whole


def over_veth(folder, workers=1, mtu=1500, **members):
    """The wire is a veth, which outlives the firmware. net_af_packet takes no long frames, net_pcap does."""
    packets = f"net_af_packet0,iface={CARD_END},qpairs={members.get('queues', 1)}"
    wire = f"net_pcap0,rx_iface_in={CARD_END},tx_iface={CARD_END}" if mtu > 1500 else packets
    card = Card(document(wire, mtu=mtu, **members), folder, workers=workers)
    netns.veth(card.wire, WIRE_END, card.inside, CARD_END, mtu)
    card.wire.address(WIRE_END, *WIRE_ADDRESSES)
    return card


def over_tap(folder, workers=1, **members):
    """The wire is a network device that the firmware makes."""
    card = Card(document(f"net_tap0,iface={WIRE_END}", **members), folder, workers=workers)
    card.inside.close()
    card.inside = card.wire
    return card
