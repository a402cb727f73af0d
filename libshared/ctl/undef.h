/* ctl/undef.h - ends one expansion of ctl/nouns.def: rows that a use does not name expand to nothing. */
#undef CTL_NOUN
#undef CTL_KEY
#undef CTL_FIELD
#undef CTL_VERB
#undef CTL_ARG
#undef CTL_ARG_KEYS
#undef CTL_READS
#undef CTL_ANSWERS
#undef CTL_VERB_END
#undef CTL_NOUN_END
