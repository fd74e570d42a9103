/** Largest source text, in UTF-8 bytes. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** Deepest nesting of lists and maps. */
export const MAX_DEPTH = 64;

/** Most line ends, commas and opening brackets in one file: counting them is cheap, and every value needs one. */
export const MAX_SEPARATORS = 60_000;

/** Most lexical tokens in one file, blanks and comments not counted: 10,000 prefixes are 30,000. */
export const MAX_TOKENS = 200_000;

/** Most values in one file; aliased ones count wherever they are used. */
export const MAX_VALUES = 60_000;

/** Most aliases in one file. */
export const MAX_ALIASES = 100;

/** Most files of one config. */
export const MAX_FILES = 64;

/** Most problems that are reported. */
export const MAX_PROBLEMS = 200;
