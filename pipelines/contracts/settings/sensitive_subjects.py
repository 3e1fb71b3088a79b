"""What must not be made an interest: subjects that are nobody's business unless a workspace says otherwise.

Interests are guesses about people. None may touch health, religion, politics,
sex life, ethnicity or gender, and no product that is about one of the first
five is ever counted, so that it cannot be evidence either. The words are
English; a workspace adds its own with `interests.sensitive_words`.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum


class SensitiveSubject(StrEnum):
    HEALTH = "health"
    RELIGION = "religion"
    POLITICS = "politics"
    SEX_LIFE = "sex life"
    ETHNICITY = "ethnicity"
    GENDER = "gender"


#: Subject → words, separated by spaces; a star stands for any ending. Phrases are joined by underscores.
#: Festivals of the trade's calendar (Christmas, Easter) are seasons here, and no sign of a religion.
_WORDS: Mapping[SensitiveSubject, str] = {
    SensitiveSubject.HEALTH: (
        "health* medic* pharm* prescription* rx otc disease* illness* disorder* cancer* diabet* allerg* "
        "vitamin* supplement* nutritional diet diets dieting dietary weight_loss obes* gluten* "
        "flu cough* sinus cold_and_flu analges* pain antacid* laxative* first_aid bandage* homeopath* "
        "therap* convalescent* incontinen* disab* hearing_aid* vision denture* acne reading_glasses "
        "ear_care eye_care foot_care eye_and_ear yeast_treatment* "
        "contracep* pregnan* fertil_treatment* fertility maternity family_planning "
        "feminine_hygiene fem menstru* tampon* douche* "
        "tobacco cigar* snuff smoking_cessation* cessation* nicotine addict* alcoholi*"
    ),
    SensitiveSubject.RELIGION: (
        "relig* church* mosque* synagogue* faith* prayer* bible* quran* koran* torah* kosher halal "
        "passover hanukkah ramadan christian* catholic* protestant* jewish judai* muslim* islam* hindu* "
        "buddh* sikh* atheis*"
    ),
    SensitiveSubject.POLITICS: (
        "politic* election* democrat* republican* liberal conservative* socialis* communis* vote voter* "
        "voting trade_union* labor_union* labour_union* campaign_donation*"
    ),
    SensitiveSubject.SEX_LIFE: (
        "sex sexual* sexy erotic* condom* personal_lubricant* lgbt* gay lesbian* bisexual* queer "
        "transgender* family_planning dating"
    ),
    SensitiveSubject.ETHNICITY: (
        "ethnic* racial hispanic* latino* latina* latinx african_american* black_people "
        "white_people caucasian* asian_people immigrant* migrant* nationalit* tribal indigenous romani"
    ),
    SensitiveSubject.GENDER: (
        "gender* women womens woman men mens man ladies lady girl girls boy boys female* male males "
        "feminin* masculin* mother* father* maternity"
    ),
}


def pattern_of(words: Iterable[str]) -> str:
    """A regular expression that finds any of the words in lower-case text with single spaces."""
    alternatives = (re.escape(word).replace(r"\*", "[a-z]*").replace("_", " ") for word in words)
    return rf"\b(?:{'|'.join(alternatives)})\b"


#: Subject → regular expression over plain text; the same for Python and for Polars.
PATTERNS: Mapping[SensitiveSubject, str] = {
    subject: pattern_of(words.split()) for subject, words in _WORDS.items()
}
#: What a product may not be about. The person for whom a garment is cut is no secret of the buyer's, and
#: only the interest in clothing is kept.
OF_PRODUCTS = tuple(subject for subject in SensitiveSubject if subject is not SensitiveSubject.GENDER)


def plain(text: str) -> str:
    """Lower-case words with single spaces: `Women's_Health` → `women s health`."""
    return " ".join(re.sub(r"[\W_]+", " ", text.lower()).split())


def touched_subject(text: str, *, further_words: Iterable[str] = ()) -> str | None:
    """The first sensitive subject that a text touches, or the first of the further words that it has."""
    words = plain(text)
    patterns = {subject.value: found for subject, found in PATTERNS.items()}
    patterns |= {word: pattern_of([word]) for word in further_words}
    return next((touched for touched, found in patterns.items() if re.search(found, words)), None)


def product_pattern(further_words: Iterable[str]) -> str:
    """What the text of a product may not hold, with the words that a workspace adds."""
    known = "|".join(PATTERNS[subject] for subject in OF_PRODUCTS)
    return "|".join((known, *(pattern_of([word]) for word in further_words)))
