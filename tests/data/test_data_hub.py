"""Data sets of the hub: which one is asked for."""

import sys

from limbeck.data.hub import read_hub


def test_a_hub_id_may_name_a_config(monkeypatch):
    part = type("Part", (), {"__getitem__": lambda *_: {"text": ["a"], "label": [1]}})()
    asked = []
    load = lambda *names: asked.append(names) or {"train": part}  # noqa: E731
    monkeypatch.setitem(sys.modules, "datasets", type("Stub", (), {"load_dataset": staticmethod(load)}))
    for name in ("owner/name", "owner/name:v0.02"):
        ((where, columns),) = read_hub(name, "data.source", ["train"]).values()
        assert (where, columns["text"]) == (f"{name}/train", ["a"])
    assert asked == [("owner/name",), ("owner/name", "v0.02")]
