/**
 * Numbers of an export's files by what writes them: those of a type's records count from nothing; what is written last
 * counts from numbers of its own, and is all taken away when it begins anew.
 */
export const FINISHED_FROM = 100_000;
/** What we say ourselves of who transmitted what. */
export const TRANSMISSION_FROM = 100_000;
/** What belongs to no member, and the records refer to. */
export const SHARED_FROM = 200_000;
export const DELETED_FROM = 300_000;
export const NOTES_FROM = 400_000;
