#!/usr/bin/env python3
"""Writes the API reference, one HTML page, from the comments of the protos.

usage: reference.py DESCRIPTORS PAGE    writes the page
       reference.py --check DESCRIPTORS lists what has no comment, and methods that
                                        name no errors; fails where there are any

DESCRIPTORS is a FileDescriptorSet of protoc with --include_source_info and without
--include_imports: what is in it is what is documented.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

# Field numbers of descriptor.proto: the steps of a path in its source info.
FILE_MESSAGES, FILE_ENUMS, FILE_SERVICES = 4, 5, 6
MESSAGE_FIELDS, MESSAGE_MESSAGES, MESSAGE_ENUMS = 2, 3, 4
ENUM_VALUES = SERVICE_METHODS = 2
Path_ = tuple[int, ...]
LABEL_REPEATED = FieldDescriptorProto.LABEL_REPEATED


@dataclass
class Row:
    """A field, a value or a method."""

    name: str
    type: str
    comment: str
    number: int = 0
    group: str = ""  # the oneof that it is of


@dataclass
class Section:
    """A service, a message or an enumeration."""

    kind: str
    name: str  # full, without a leading dot
    comment: str
    rows: list[Row] = field(default_factory=list)


class Reader:
    """Takes a file's declarations with their comments."""

    def __init__(self, file: FileDescriptorProto) -> None:
        self._file = file
        self._comments = {
            tuple(place.path): _clean(place.leading_comments or place.trailing_comments)
            for place in file.source_code_info.location
        }

    def sections(self) -> Iterator[Section]:
        package = self._file.package
        for i, service in enumerate(self._file.service):
            yield self._service(service, f"{package}.{service.name}", (FILE_SERVICES, i))
        for i, message in enumerate(self._file.message_type):
            yield from self._message(message, package, (FILE_MESSAGES, i))
        for i, enum in enumerate(self._file.enum_type):
            yield self._enum(enum, package, (FILE_ENUMS, i))

    def _comment(self, path: Path_) -> str:
        return self._comments.get(path, "")

    def _service(self, service, name: str, path: Path_) -> Section:
        section = Section("service", name, self._comment(path))
        for i, method in enumerate(service.method):
            sent = f"{'stream ' * method.client_streaming}{method.input_type}"
            answer = f"{'stream ' * method.server_streaming}{method.output_type}"
            comment = self._comment((*path, SERVICE_METHODS, i))
            section.rows.append(Row(method.name, f"({sent}) returns ({answer})", comment))
        return section

    def _message(self, message: DescriptorProto, scope: str, path: Path_) -> Iterator[Section]:
        name = f"{scope}.{message.name}"
        section = Section("message", name, self._comment(path))
        for i, one in enumerate(message.field):
            oneof = one.HasField("oneof_index") and not one.proto3_optional
            section.rows.append(
                Row(
                    one.name,
                    _type_of(one, message),
                    self._comment((*path, MESSAGE_FIELDS, i)),
                    one.number,
                    message.oneof_decl[one.oneof_index].name if oneof else "",
                )
            )
        yield section
        for i, nested in enumerate(message.nested_type):
            if not nested.options.map_entry:
                yield from self._message(nested, name, (*path, MESSAGE_MESSAGES, i))
        for i, enum in enumerate(message.enum_type):
            yield self._enum(enum, name, (*path, MESSAGE_ENUMS, i))

    def _enum(self, enum: EnumDescriptorProto, scope: str, path: Path_) -> Section:
        section = Section("enum", f"{scope}.{enum.name}", self._comment(path))
        for i, value in enumerate(enum.value):
            comment = self._comment((*path, ENUM_VALUES, i))
            section.rows.append(Row(value.name, "", comment, value.number))
        return section


def _clean(comment: str) -> str:
    return "\n".join(line.removeprefix(" ").rstrip() for line in comment.strip("\n").split("\n"))


def _type_of(one: FieldDescriptorProto, message: DescriptorProto) -> str:
    name = one.type_name or FieldDescriptorProto.Type.Name(one.type).removeprefix("TYPE_").lower()
    for nested in message.nested_type:
        if nested.options.map_entry and one.type_name.endswith(f".{nested.name}"):
            key, value = (_type_of(part, nested) for part in nested.field)
            return f"map&lt;{key}, {value}&gt;"
    if one.label == LABEL_REPEATED:
        return f"repeated {name}"
    return f"optional {name}" if one.proto3_optional else name


def read(descriptors: Path) -> list[Section]:
    files = FileDescriptorSet.FromString(descriptors.read_bytes()).file
    sections = [section for file in files for section in Reader(file).sections()]
    order = {"service": 0, "message": 1, "enum": 2}
    return sorted(sections, key=lambda section: order[section.kind])


def complaints(sections: list[Section]) -> list[str]:
    """What a reader would miss."""
    found = []
    for section in sections:
        if not section.comment:
            found.append(f"{section.kind} {section.name} has no comment")
        for row in section.rows:
            # The value 0 of an enumeration says by its name that it says nothing.
            if not row.comment and not (section.kind == "enum" and row.number == 0):
                found.append(f"{section.kind} {section.name}: {row.name} has no comment")
            if section.kind == "service" and not re.search(r"\bErrors?:", row.comment):
                found.append(f"service {section.name}: {row.name} does not say its errors")
    return found


# The page.

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
nav { columns: 3 14rem; font-size: .9rem } nav ul { list-style: none; padding: 0; margin: 0 }
code, .type { font-family: ui-monospace, monospace; font-size: .9em }
h2 { border-bottom: 1px solid #999; margin-top: 2.5rem } h3 { margin: 2rem 0 .3rem }
table { border-collapse: collapse; width: 100% } td { vertical-align: top; padding: .25rem .6rem }
tr { border-top: 1px solid #ddd } p { margin: .3rem 0 } a { color: #0550ae; text-decoration: none }
"""


class Page:
    """HTML of sections that link to one another."""

    def __init__(self, sections: list[Section]) -> None:
        self._sections = sections
        self._known = {section.name for section in sections}

    def text(self) -> str:
        parts = [
            "<!doctype html>",
            '<html lang="en"><meta charset="utf-8"><title>Trainyard API</title>',
            f"<style>{STYLE}</style>",
            "<h1>Trainyard API</h1>",
        ]
        titles = {"service": "Services", "message": "Messages", "enum": "Enumerations"}
        for kind, title in titles.items():
            some = [section for section in self._sections if section.kind == kind]
            links = "".join(f"<li>{self._link(section.name)}</li>" for section in some)
            parts.append(f"<nav><h2>{title}</h2><ul>{links}</ul></nav>")
        for kind, title in titles.items():
            parts.append(f"<h2>{title}</h2>")
            parts += [self._section(s) for s in self._sections if s.kind == kind]
        return "\n".join(parts) + "\n</html>\n"

    def _section(self, section: Section) -> str:
        rows = "".join(self._row(section, row) for row in section.rows)
        short = html.escape(_short(section.name))
        return (
            f'<h3 id="{section.name}">{section.kind} {short}</h3>'
            f"{_prose(section.comment)}<table>{rows}</table>"
        )

    def _row(self, section: Section, row: Row) -> str:
        anchor = f"{section.name}.{row.name}"
        number = "" if section.kind == "service" else f" = {row.number}"
        of = f"<br>of <code>{row.group}</code>" if row.group else ""
        return (
            f'<tr id="{anchor}"><td><a href="#{anchor}"><code>{row.name}{number}</code></a>{of}'
            f'<td class="type">{self._linked(row.type)}<td>{_prose(row.comment)}</tr>'
        )

    def _linked(self, type_text: str) -> str:
        return re.sub(r"\.([\w.]+)", lambda found: self._link(found[1]), type_text)

    def _link(self, name: str) -> str:
        if name in self._known:
            return f'<a href="#{name}">{html.escape(_short(name))}</a>'
        return html.escape(name)


def _short(name: str) -> str:
    """TrainingJob.State of trainyard.v1.TrainingJob.State."""
    return ".".join(part for part in name.split(".") if part[:1].isupper())


def _prose(comment: str) -> str:
    paragraphs = [re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
                  for text in comment.split("\n\n") if text]  # fmt: skip
    return "".join(f"<p>{text}</p>" for text in paragraphs)


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if arguments[0] == "--check":
        found = complaints(read(Path(arguments[1])))
        print("\n".join(found), end="\n" if found else "")
        return 1 if found else 0
    Path(arguments[1]).write_text(Page(read(Path(arguments[0]))).text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
