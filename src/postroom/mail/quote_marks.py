"""How mail programs mark what they quote and sign, in many languages. One line, or a few lines, at a time.

Every function looks at a bounded number of characters; no pattern can take more than linear time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST_HEADER = 500
_HEADER_LINES = 4
_BLOCK_LINES = 9

_VERBS = (
    "wrote|writes|said|schrieb|geschrieben|a écrit|ecrit|écrivait|escribió|escribio|ha scritto|scrisse|escreveu|"
    "napisała|napisał|pisze|написала|написал|пишет|пише|писал|написав|napsala|napsal|napísala|napísal|je napisao|"
    "je napisala|piše|írta|schreef|geschreven|skrev|skreiv|kirjoitti|a scris|έγραψε|yazdı|yazmış|đã viết|menulis|"
    "写道|寫道|写了|のメール|書きました|작성|님이|כתב|כתבה|كتب|نوشت|เขียน"
)
_VERB = re.compile(rf"(?:{_VERBS})", re.IGNORECASE)
_VERB_LAST = re.compile(
    rf"(?:{_VERBS})[\s\u200e\u200f]{{0,4}}(?:[(（][^()]{{0,20}}[)）])?\s{{0,3}}[:：]?\s{{0,3}}-{{0,8}}$", re.IGNORECASE
)
_WEEKDAYS = (
    "mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|mié|mie|jeu|jue|ven|vie|sam|sáb|sab|dim|dom|gio|"
    "seg|ter|qua|qui|sex|пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье|"
    "ma|ti|ke|to|pe|la|su|pon|wt|śr|czw|pt|sob|niedz|ndz"
)
_OPENER = re.compile(
    rf"[*_\"\s-]{{0,6}}(?:(?:on|am|le|el|il|op|em|den|på|at|the|w dniu|w|dnia|dne|dňa|dana|pe|la|în|в|у|во|na|a|ở|vào|"
    rf"tarihinde|בתאריך|ב|في|در|{_WEEKDAYS})[\s,.:]|(?:{_WEEKDAYS})\w{{0,8}}[,.]?\s|在|於|于|"
    rf"\d{{4}}[-/.年년]|\d{{1,2}}[./-]\d|\d{{1,2}}\.?\s\w{{3,12}}\.?,?\s)",
    re.IGNORECASE,
)
_DATED = re.compile(r"\d{1,2}[:.h]\d\d|\b(?:19|20)\d\d\b|\d{4}[年년]|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_DATE_AND_ADDRESS = re.compile(r"\d{4}[^<>]{4,200}<[^<>\s]{0,100}\s?[^<>\s]{1,100}@[^<>\s]{1,200}>\s?[:：]$")

_FROM = (
    "from|von|de|da|van|från|fra|od|от|от кого|lähettäjä|feladó|gönderen|kimden|από|发件人|寄件者|寄件人|"
    "差出人|送信者|보낸 사람|보낸사람|מאת|من"
)
_OTHER_LABELS = (
    "sent|date|to|cc|subject|reply-to|reply to|importance|attachments|"
    "gesendet|datum|an|kopie|betreff|antwort an|antwort|"
    "envoyé|envoye|date d'envoi|à|objet|répondre à|"
    "enviado|enviado el|enviado em|fecha|para|asunto|data|assunto|responder a|"
    "inviato|a|oggetto|risposta|verzonden|aan|onderwerp|"
    "skickat|till|ämne|sendt|til|emne|dato|lähetetty|päivämäärä|vastaanottaja|kopio|aihe|"
    "wysłano|wysłane|data wysłania|do|dw|temat|odesláno|odoslané|komu|kopia|předmět|predmet|"
    "отправлено|дата|кому|копия|тема|надіслано|копія|elküldve|címzett|tárgy|másolat|dátum|"
    "gönderme tarihi|gönderildi|kime|bilgi|konu|tarih|ημερομηνία|προς|θέμα|κοιν|"
    "发送时间|收件人|抄送|主题|日期|寄件日期|傳送時間|收件者|副本|主旨|送信日時|日時|宛先|件名|"
    "보낸 날짜|보낸날짜|받는 사람|받는사람|제목|참조|날짜|נשלח|אל|נושא|תאריך|التاريخ|إلى|الموضوع|تاريخ الإرسال"
)
_LABEL = re.compile(
    rf"[*_\s]{{0,4}}(?:(?P<author>{_FROM})|(?P<other>{_OTHER_LABELS}))\s?[*_]{{0,2}}\s{{0,2}}[:：]", re.I
)

# fmt: off
_SEPARATORS = frozenset({
    "original message", "original appointment", "reply message", "forwarded message", "forward message",
    "ursprüngliche nachricht", "original-nachricht", "originalnachricht", "weitergeleitete nachricht",
    "message d'origine", "message original", "message initial", "message transféré", "courriel original",
    "mensaje original", "mensaje reenviado", "mensagem original", "mensagem encaminhada",
    "messaggio originale", "messaggio inoltrato", "oorspronkelijk bericht", "doorgestuurd bericht",
    "originalmeddelande", "ursprungligt meddelande", "vidarebefordrat meddelande", "oprindelig meddelelse",
    "videresendt meddelelse", "opprinnelig melding", "videresendt melding", "alkuperäinen viesti",
    "välitetty viesti", "wiadomość oryginalna", "oryginalna wiadomość", "wiadomość przekazana dalej",
    "původní zpráva", "pôvodná správa", "eredeti üzenet", "továbbított üzenet", "исходное сообщение",
    "оригинальное сообщение", "пересылаемое сообщение", "пересланное сообщение", "вихідне повідомлення",
    "orijinal ileti", "orijinal mesaj", "yönlendirilen ileti", "原始邮件", "原始郵件",
    "邮件原件", "转发的邮件", "轉寄的郵件", "転送されたメッセージ", "元のメッセージ", "원본 메시지",
    "원본 메일", "전달된 메시지", "הודעה מקורית", "الرسالة الأصلية",
})
# fmt: on
_BARE_SEPARATORS = frozenset(
    {
        "begin forwarded message",
        "anfang der weitergeleiteten nachricht",
        "début du message réexpédié",
        "inicio del mensaje reenviado",
        "inizio messaggio inoltrato",
        "begin doorgestuurd bericht",
    }
)
_RULE = re.compile(r"[\s>*]{0,4}(?:[-_=~]\s?){5,}\s*$")
_ABOVE = re.compile(
    r"(?:reply|antwort\w*|répond\w*|respond\w*) (?:above|below|oberhalb|au-dessus)[^\n]{0,20} (?:line|linie|ligne)\b",
    re.I,
)

_DELIMITER = re.compile(r"\s{0,3}(?:--|—|–|__|- -|[-_=]{3,40})[\s\u00a0]{0,3}$")
_DRAWN = re.compile(r"\s{0,3}[-_=~*#+ᐧ·•]{1,80}\s{0,9}$")
_FOOTER = re.compile(
    r"[\s(<*\[]{0,6}(?:(?:sent|from|get)\s(?:from|via|with|by|using|my|\[?outlook)\b(?!\s(?:you|him|her|them|us)\b)|"
    r"von meinem|gesendet (?:von|mit|über)|diese nachricht wurde von|envoyé (?:de|depuis|à partir)|"
    r"enviado (?:desde|do|de|a partir)|enviada (?:desde|do)|inviato (?:da|dal)|verzonden (?:vanaf|met|via)|"
    r"verstuurd vanaf|skickat från|skickades från|sendt fra|lähetetty|wysłan[eoay] z|odesláno z|odoslané z|"
    r"отправлено (?:с|из)|надіслано з|gönderildi|从我的|從我的|发自我的|發自我的|寄自我的|나의 |الإرسال من|נשלח מה)",
    re.IGNORECASE,
)
_FOOTER_SENDERS = re.compile(
    r"(?:.{0,20}から送信|.{0,30}에서 보냄|.{0,20}tarafından gönderildi|someone from mobile)", re.I
)


def is_quoted(line: str) -> bool:
    """Whether the line carries the sign of a quote."""
    return line.lstrip(" \t\u00a0")[:1] == ">"


def quote_header(lines: Sequence[str], start: int) -> tuple[int, bool]:
    """How many lines from `start` on are a header like "On Monday Ann wrote:", 0 if none; and whether that is sure."""
    first = lines[start][:_LONGEST_HEADER]
    opened = bool(_OPENER.match(first))
    named = "@" in first and bool(_VERB.search(first))
    joined = ""
    for count in range(1, _HEADER_LINES + 1):
        if start + count > len(lines):
            break
        line = lines[start + count - 1].strip()
        if not line or len(joined) + len(line) > _LONGEST_HEADER:
            break
        joined = f"{joined} {line}".strip()
        if not joined.endswith((":", "：", "----")):
            continue
        strong = "@" in joined or bool(_DATED.search(joined))
        if any(_OPENER.match(later) and _DATED.search(later) for later in lines[start + 1 : start + count]):
            return 0, False  # the header begins further down
        if opened and _DATE_AND_ADDRESS.search(joined):
            return count, True
        last = bool(_VERB_LAST.search(joined))
        if (last or (strong and _VERB.search(joined))) and (opened or named):
            return count, strong
        if count == 1 and last:
            return 1, False
    return 0, False


def header_block(lines: Sequence[str], start: int) -> bool:
    """Whether a copied header (From:, Sent:, To:, Subject:) begins here."""
    if not _LABEL.match(lines[start][:100]):
        return False
    authors = others = 0
    for line in lines[start : start + _BLOCK_LINES]:
        if found := _LABEL.match(line[:100]):
            authors += bool(found["author"])
            others += bool(found["other"])
    return authors >= 1 and others >= 2


def separator(line: str) -> bool:
    """Whether the line says that the original message, or a forwarded one, follows."""
    if len(line) > 200:
        return False
    text = line.strip()
    bare = text.strip("-_=*>:：~ \u00a0").lower()
    if bare in _SEPARATORS:
        return text[:1] in "-_=*~"
    return bare in _BARE_SEPARATORS or bool(_ABOVE.search(text))


def rule(line: str) -> bool:
    """Whether the line is a drawn rule."""
    return len(line) <= 200 and bool(_RULE.match(line))


def signature_delimiter(line: str) -> bool:
    """Whether a signature may begin here: "-- " (RFC 3676) and what resembles it."""
    return len(line) <= 100 and bool(_DELIMITER.match(line))


def drawn(line: str) -> bool:
    """Whether the line is nothing but drawn characters."""
    return len(line) <= 100 and bool(_DRAWN.match(line))


def device_footer(line: str) -> bool:
    """Whether the line is one like "Sent from my phone"."""
    text = line[:200]
    return len(line) <= 200 and bool(_FOOTER.match(text) or _FOOTER_SENDERS.match(text.strip()))
