"""Words that a rewording may not bring in: they would be numbers, another direction, a cause.

English, and the numbers of six further languages that servers fall into.
"""

import re


def _of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ENGLISH = """
    zero nil nought one two three four five six seven eight nine ten first second third fourth fifth
    sixth seventh eighth ninth tenth single both half halfway halves quarter quarters couple pair
    pairs trio several few many score scores gross dual multiple numerous countless handful majority
    minority most all none once twice thrice double percent percentage myriad umpteen twentieth
    teen teens dozens tens
"""
_OTHERS = """
    null eins ein eine einen einem zwei drei vier fuenf sechs sieben acht neun zehn elf zwoelf
    zwanzig dreissig vierzig fuenfzig sechzig siebzig achtzig neunzig halb haelfte doppelt dutzend
    un une deux trois quatre cinq sept huit neuf dix onze douze treize vingt trente quarante
    cinquante soixante cent mille moitie demi uno una dos tres cuatro cinco seis siete ocho nueve
    diez once doce veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento mil
    medio mitad doble due tre quattro cinque sei sette otto nove dieci undici dodici venti trenta
    quaranta cinquanta sessanta settanta ottanta novanta cento mezzo meta doppio dois duas quatro
    sete oito dez vinte cem metade dobro een twee drie vijf zes zeven negen tien twaalf twintig
    dertig veertig vijftig zestig zeventig tachtig negentig honderd duizend helft dubbel
"""
NUMBERS = _of(_ENGLISH + _OTHERS)
# Within any word: twentyfive, tenfold, quadrupled, hundredth.
NUMBER_STEMS = re.compile(
    r"twent[iy]|thirt|fort[iy]|fift|sixt|sevent|eight[iye]|ninet|eleven|twel[fv]|teen(th)?$|hundr"
    r"|thousand|[mbtz]illi(on|ard)|dozen|doubl|tripl|trebl|quadrup|quintup|sextup|halv|fold$"
    r"|percent|hundert|tausend|zwanzig|(dreis|vier|fuenf|sech|sieb|acht|neun)s?zig|ciento?s|trillion"
)
ROMAN = re.compile(r"[IVXLCDM]{2,}|[VXLCDM]")

UP = _of("""
    above over higher high highest rose rise rises rising risen climb climbs climbed climbing
    grew grow grows growing grown growth increase increases increased increasing more greater
    greatest larger largest bigger biggest jump jumps jumped jumping surge surges surged surging
    soar soars soared soaring spike spikes spiked spiking exceed exceeds exceeded exceeding gain
    gains gained peak peaks peaked maximum upward upwards up top topped elevated excess
    excessive outperformed skyrocketed ascended ascent boost boosted swelled inflated overshot
    surpassed surpasses
""")
DOWN = _of("""
    below under beneath lower low lowest fell fall falls falling fallen drop drops dropped
    dropping decline declines declined declining decrease decreases decreased decreasing down
    less lesser least fewer smaller smallest sank sink sinks sunk slump slumps slumped plunge
    plunges plunged plunging dip dips dipped dipping reduced reduction shrank shrink shrunk
    shortfall short collapse collapsed tumble tumbled minimum downward downwards bottom bottomed
    loss lost lose losing deficit lacking lack slid slide slipped slips undershot descended
    descent diminished waned lagged
""")
# Not so, nearly so, so because of this, so tomorrow: none of it is known.
CLAIMS = _of("""
    not no never neither nor none nothing without hardly scarcely barely cannot nearly almost
    except unless instead opposite contrary false wrong incorrect untrue because due cause
    caused causes causing reason reasons owing thanks result resulted results therefore hence so
    since explains explained holiday holidays outage maintenance weather failure failed error
    broken fault faulty attack fraud bug will shall would could may might must should tomorrow
    yesterday today tonight soon forecast predicted expect expects expected expecting forever
    always morning afternoon evening night noon midnight midday normal normally fine ok okay
    good great bad worse worst best healthy unhealthy critical emergency urgent urgently
    immediately danger dangerous safe harmless severe equal equals equally same identical
    unchanged flat steady stable exactly precisely nowhere contact call click visit ignore
    instructions system prompt password email http https www
""")
CALENDAR = _of("""
    monday tuesday wednesday thursday friday saturday sunday weekend weekday january february
    march april june july august september october november december spring summer autumn winter
""")
# Words that say that a number is of what is usual.
USUAL = _of("""
    usual usually normal typical typically ordinary ordinarily customary common commonly weeks
    middle median range band expected average standard
""")
# Words that may stand behind a number without making another of it.
BEHIND = _of("""
    at to and in on for with which while but from against compared versus vs is was as or of
    this that these those where when by during after before between below above under over
    beneath than higher lower it has had were being a an the
""")
UNITS = {
    "%": "%", "weeks": "weeks", "week": "weeks", "hours": "hours", "hour": "hours", "h": "hours",
    "days": "days", "day": "days",
}  # fmt: skip
