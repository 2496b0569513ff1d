"""Which domains give a mailbox to anyone? The domain of such an address tells nothing of its owner.

The largest providers of the world. It need not be complete: what hangs on it (an organization's name, who may join a
conversation by an id that can be guessed) is only as good as the address, and no right to anything comes of it alone.
"""

from __future__ import annotations

_DOMAINS = """
gmail.com googlemail.com outlook.com outlook.de outlook.fr outlook.es outlook.it outlook.jp hotmail.com
hotmail.co.uk hotmail.de hotmail.fr hotmail.es hotmail.it live.com live.co.uk live.de live.fr live.nl msn.com
passport.com yahoo.com yahoo.co.uk yahoo.de yahoo.fr yahoo.es yahoo.it yahoo.in yahoo.co.in yahoo.co.jp yahoo.ca
yahoo.com.ar yahoo.com.au yahoo.com.br yahoo.com.mx yahoo.com.ph yahoo.com.sg yahoo.com.tw yahoo.com.vn ymail.com
rocketmail.com myyahoo.com aol.com aol.de aim.com icloud.com me.com mac.com proton.me protonmail.com
protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com mailbox.org posteo.de posteo.net fastmail.com
fastmail.fm hey.com zoho.com zohomail.com zohomail.eu gmx.de gmx.net gmx.com gmx.at gmx.ch gmx.fr web.de
t-online.de freenet.de arcor.de vodafone.de 1und1.de online.de email.de mail.de mail.com email.com usa.com
orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr libero.it virgilio.it tiscali.it alice.it tin.it
tim.it hotmail.be telenet.be skynet.be ziggo.nl kpnmail.nl planet.nl xs4all.nl hetnet.nl home.nl bluewin.ch
sunrise.ch hispeed.ch aon.at chello.at telefonica.net terra.es sapo.pt btinternet.com sky.com talktalk.net
virginmedia.com ntlworld.com blueyonder.co.uk eircom.net telia.com comhem.se bredband.net online.no broadpark.no
tdcadsl.dk mail.dk elisanet.fi luukku.com kolumbus.fi wp.pl o2.pl onet.pl op.pl interia.pl gazeta.pl tlen.pl
seznam.cz email.cz centrum.cz volny.cz azet.sk zoznam.sk centrum.sk freemail.hu citromail.hu abv.bg mail.bg
mail.ru inbox.ru list.ru bk.ru internet.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua meta.ua
qq.com foxmail.com vip.qq.com 163.com 126.com yeah.net sina.com sina.cn sohu.com 139.com 189.cn aliyun.com
naver.com daum.net hanmail.net nate.com kakao.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp i.softbank.jp nifty.com
rediffmail.com sify.com in.com indiatimes.com bigpond.com bigpond.net.au optusnet.com.au
xtra.co.nz comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net juno.com
netzero.net optonline.net frontier.com windstream.net rogers.com shaw.ca sympatico.ca bell.net telus.net
uol.com.br bol.com.br terra.com.br ig.com.br globo.com prodigy.net.mx walla.co.il walla.com netvision.net.il
mynet.com superonline.com mweb.co.za telkomsa.net maktoob.com
"""
FREE_MAIL = frozenset(_DOMAINS.split())


def is_free_mail(domain: str) -> bool:
    """Whether anyone can have an address in this domain (lower case)."""
    return domain in FREE_MAIL
