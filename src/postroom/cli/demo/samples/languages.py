"""Questions in other languages and charsets, as mail programs around the world write them."""

from __future__ import annotations

from .sample import SALES, SUPPORT, Place, Sample, message, word


def samples() -> list[Sample]:
    return [
        Sample("German, ISO-8859-1", SUPPORT, _german(), Place.ACKNOWLEDGED),
        Sample("French, quoted-printable", SALES, _FRENCH, Place.ACKNOWLEDGED),
        Sample("Spanish, header in plain UTF-8 (RFC 6532)", SALES, _SPANISH, Place.ACKNOWLEDGED),
        Sample("Japanese, Shift_JIS", SUPPORT, _japanese(), Place.ACKNOWLEDGED),
        Sample("Russian, KOI8-R", SUPPORT, _russian(), Place.ACKNOWLEDGED),
        Sample("Chinese, GB18030", SALES, _chinese(), Place.ACKNOWLEDGED),
    ]


def _german() -> bytes:
    charset = "iso-8859-1"
    return message(
        f"""\
From: {word("Jürgen Groß", charset)} <juergen.gross@muster.example>
To: support@postroom.example
Subject: {word("Rückgabe des Kühlschranks", charset)}
Date: Mon, 16 Nov 2026 12:00:00 +0100
Message-ID: <rueckgabe@muster.example>
MIME-Version: 1.0
Content-Type: text/plain; charset={charset}
Content-Transfer-Encoding: 8bit

Guten Tag,

der Kühlschrank ist größer als angegeben und paßt nicht in die Küche.
Wie kann ich ihn zurückgeben, und wer trägt die Kosten der Abholung?

Mit freundlichen Grüßen
Jürgen Groß
""",
        charset,
    )


_FRENCH = message("""\
From: =?utf-8?Q?Am=C3=A9lie_Dubois?= <amelie.dubois@atelier.example>
To: sales@postroom.example
Subject: =?utf-8?Q?D=C3=A9lai_de_livraison?=
Date: Mon, 16 Nov 2026 12:05:00 +0100
Message-ID: <delai@atelier.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Bonjour,

quel est le d=C3=A9lai de livraison pour une =C3=A9tag=C3=A8re en ch=C3=AAn=
e=C2=A0? Nous en aurions besoin avant la fin du mois.

Cordialement
Am=C3=A9lie Dubois
""")

_SPANISH = message(
    """\
From: José Núñez <jose.nunez@tienda.example>
To: sales@postroom.example
Subject: ¿Envían también a las Islas Canarias?
Date: Mon, 16 Nov 2026 12:10:00 +0000
Message-ID: <canarias@tienda.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Buenos días:

¿Envían también sus muebles a las Islas Canarias? ¿Cuánto costaría el envío
de una mesa pequeña a Santa Cruz de Tenerife?

Un saludo,
José Núñez
""",
    "utf-8",
)


def _japanese() -> bytes:
    charset = "shift_jis"
    return message(
        f"""\
From: {word("佐藤 花子", charset)} <hanako.sato@yorozu.example>
To: support@postroom.example
Subject: {word("椅子の組み立てについて", charset)}
Date: Mon, 16 Nov 2026 20:15:00 +0900
Message-ID: <isu@yorozu.example>
MIME-Version: 1.0
Content-Type: text/plain; charset={charset}
Content-Transfer-Encoding: 8bit

お世話になっております。

先日購入した椅子の組み立て方が分かりません。
説明書を送っていただけますか。

よろしくお願いいたします。
佐藤 花子
""",
        charset,
    )


def _russian() -> bytes:
    charset = "koi8-r"
    return message(
        f"""\
From: {word("Ольга Иванова", charset)} <olga.ivanova@dom.example>
To: support@postroom.example
Subject: {word("Не работает лампа", charset)}
Date: Mon, 16 Nov 2026 15:20:00 +0300
Message-ID: <lampa@dom.example>
MIME-Version: 1.0
Content-Type: text/plain; charset={charset}
Content-Transfer-Encoding: 8bit

Здравствуйте!

Настольная лампа перестала работать через неделю после покупки.
Можно ли обменять её по гарантии?

С уважением,
Ольга Иванова
""",
        charset,
    )


def _chinese() -> bytes:
    charset = "gb18030"
    return message(
        f"""\
From: {word("王小明", charset)} <xiaoming.wang@gongsi.example>
To: sales@postroom.example
Subject: {word("询问办公桌的价格", charset)}
Date: Mon, 16 Nov 2026 19:25:00 +0800
Message-ID: <bangongzhuo@gongsi.example>
MIME-Version: 1.0
Content-Type: text/plain; charset={charset}
Content-Transfer-Encoding: 8bit

您好：

我们公司需要二十张办公桌，请问价格是多少？什么时候可以送货？

谢谢！
王小明
""",
        charset,
    )
