"""Octets to text: the declared charset, else UTF-8, else a guess from the octets, else windows-1252.

Guarantees text for any octets: no NUL, no lone surrogate, no exception, linear time. Only codecs of a fixed table
are ever looked up, so a sender's invented charset names neither import modules nor fill Python's codec cache. Never
uses codecs that are no charsets (idna, punycode, unicode_escape ...).
"""

from __future__ import annotations

import re
from encodings.aliases import aliases

from chardetng_py import detect

# What senders call it -> the codec that reads what they mean, mostly a superset (WHATWG Encoding Standard).
_MEANT = {
    "iso8859_1": "cp1252",
    "latin_1": "cp1252",
    "ascii": "utf_8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "johab": "johab",
    "shift_jis": "cp932",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
}
_EXTRA = {
    "unicode_1_1_utf_7": "utf_7",
    "x_gbk": "gb18030",
    "x_euc_cn": "gb18030",
    "x_sjis": "cp932",
    "windows_31j": "cp932",
    "cp_932": "cp932",
    "ks_c_5601_1989": "cp949",
    "ksc5601": "cp949",
    "x_windows_949": "cp949",
    "windows_949": "cp949",
    "windows_874": "cp874",
    "dos_874": "cp874",
    "windows_936": "gb18030",
    "windows_950": "big5hkscs",
    "x_big5": "big5hkscs",
    "big5_hkscs": "big5hkscs",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "x_mac_roman": "mac_roman",
    "macintosh": "mac_roman",
    "x_mac_cyrillic": "mac_cyrillic",
    "ansi_x3.110_1983": "cp1252",
    "ansi": "cp1252",
    "utf8mb4": "utf_8",
    "utf": "utf_8",
    "unicode": "utf_8",
    "koi8r": "koi8_r",
    "koi8u": "koi8_u",
    "koi8_ru": "koi8_u",
    "win_1251": "cp1251",
    "win1251": "cp1251",
}
_NO_CHARSET = {
    "base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "uu_codec", "zlib_codec", "rot_13", "mbcs",
    "tactis", "oem",
}  # fmt: skip
_KNOWN = {
    "johab", "koi8_t", "koi8_u", "mac_roman", "mac_cyrillic", "utf_8_sig", "cp720", "cp737", "cp856", "cp874", "cp875",
    "cp1006", "mac_arabic", "mac_croatian", "mac_farsi", "mac_romanian",
}  # fmt: skip


def _table() -> dict[str, str]:
    table = {name: _MEANT.get(codec, codec) for name, codec in aliases.items() if codec not in _NO_CHARSET}
    table.update({codec: _MEANT.get(codec, codec) for codec in set(table.values()) | set(_MEANT) | _KNOWN})
    table.update(_MEANT)
    table.update(_EXTRA)
    return table


_CODECS = _table()
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{1,63}")
_GUESS_FROM = 65_536
_GUESS_LEAST = 32  # below that a guesser is worse than windows-1252


def codec_for(declared: str | None) -> str | None:
    """The codec for a charset name as senders write it, or None if there is none."""
    if not declared:
        return None
    found = _NAME.search(declared.lower().removeprefix("charset="))
    if found is None:
        return None
    name = found[0].replace("-", "_").replace(":", "_").strip("_")
    codec = _CODECS.get(name) or _CODECS.get(name.replace(".", "_"))
    if codec is None and name.startswith("cp_"):
        codec = _CODECS.get(name.replace("_", "", 1))
    if codec is None and name.startswith(("iso_8859_", "iso8859_")):
        codec = _CODECS.get("_".join(name.split("_")[:3]))
    return codec


def decode(octets: bytes, declared: str | None = None) -> str:
    """The text of `octets`. Undecodable octets become U+FFFD only where the charset is known."""
    codec = codec_for(declared)
    text = _try_all(octets, codec)
    if "\0" in text:
        text = text.replace("\0", "")
    return text.removeprefix("\ufeff")


def _try_all(octets: bytes, codec: str | None) -> str:
    if (codec is None or codec == "utf_8") and b"\x1b$" in octets[:_GUESS_FROM]:
        codec = "iso2022_jp_ext"  # ASCII in form, and never said
    if codec is not None and codec.startswith(("utf_16", "utf_32")) and b"\0" not in octets[:_GUESS_FROM]:
        codec = None if octets.isascii() else codec
    for candidate in (codec, "utf_8"):
        if candidate:
            try:
                return _whole(octets.decode(candidate), candidate)
            except (UnicodeError, ValueError):
                pass
    if codec is not None and codec != "utf_8":
        return _whole(octets.decode(codec, "replace"), codec)
    if len(octets) >= _GUESS_LEAST:
        guessed = codec_for(detect(octets[:_GUESS_FROM], allow_utf8=True))
        if guessed:
            return octets.decode(guessed, "replace")
    return octets.decode("cp1252", "replace")


def _whole(text: str, codec: str) -> str:
    """UTF-7 alone can bring lone surrogates; nothing after us could store them."""
    if codec != "utf_7":
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
