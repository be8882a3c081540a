"""Pages as a reader of HTML sees them, and the runs that they are about."""

from html.parser import HTMLParser

import example

VOID = {"meta", "link", "br", "hr", "img", "input", "base", "col", "area", "embed", "source", "track", "wbr"}

RUNS = {
    "complete": example.complete(),
    "hard labels": example.with_hard_labels(),
    "another domain": example.with_ceiling(),
    "bare": example.bare(),
    "many classes": example.complete(classes=77),
    "numbered classes": example.complete(classes=12),
    "one seed": example.complete(seeds=1),
    "teacher at chance": example.teacher_at_chance(),
    "loaders": example.loaders(),
    "not exported": example.changed(example.complete(), "student", cost=None).model_copy(
        update={"bundle": None, "bundle_error": "the operator `aten::unique` has no ONNX form"}
    ),
}


class Page(HTMLParser):
    """Fails when tags do not balance; collects attributes and visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.attributes, self.ids, self.tags, self.said = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())
