"""HTML pages for tests: what is in them, without a browser."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "hr"}


class Reader(HTMLParser):
    """Checks that tags are closed as they were opened, and keeps words, ids and addresses."""

    def __init__(self, page):
        super().__init__()
        self.open, self.words, self.ids, self.addresses = [], [], [], []
        self.tags, self.attributes = set(), set()
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        found = dict(attrs)
        self.attributes |= set(found)
        self.ids += [found["id"]] if "id" in found else []
        self.addresses += [found[n] for n in ("href", "src", "xlink:href", "action") if n in found]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split()).replace("\xa0", " ")
