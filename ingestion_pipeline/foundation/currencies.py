"""The currency codes of ISO 4217, for all who are told one: those in use, and those that were.

The package `iso4217` carries the standard's table of those in use. The historic ones (the
standard's List Three) are written here, because orders of past years are in them, and no package
has that list. Babel comes near, at 36 MB, but it lacks some twenty and has others that never were
in the standard (CNH).
"""

from iso4217 import Currency

_LIST_THREE = """
    ADP AFA ALK ANG AOK AON AOR ARA ARP ARY ATS AYM AZM BAD BEC BEF BEL BGJ BGK BGL BGN BOP BRB BRC
    BRE BRN BRR BUK BYB BYR CHC CSD CSJ CSK CUC CYP DDM DEM ECS ECV EEK ESA ESB ESP FIM FRF GEK GHC
    GHP GNE GNS GQE GRD GWE GWP HRD HRK IEP ILP ILR ISJ ITL LAJ LSM LTL LTT LUC LUF LUL LVL LVR MGF
    MLF MRO MTL MTP MVQ MXP MZE MZM NIC NLG PEH PEI PES PLZ PTE RHD ROK ROL RUR SDD SDP SIT SKK SLL
    SRG STD SUR TJR TMM TPE TRL UAK UGS UGW USS UYN UYP VEB VEF VNC XEU XFO XFU XRE YDD YUD YUM YUN
    ZAL ZMK ZRN ZRZ ZWC ZWD ZWL ZWN ZWR
"""
HISTORIC = frozenset(_LIST_THREE.split())
CURRENCIES = frozenset(currency.code for currency in Currency) | HISTORIC
