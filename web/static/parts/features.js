// What a permission is for, in this page's language where we know it.
import { scope } from "../lib/words.js";
import words from "../words/en/features.js";

const { pick } = scope("features", words);

/** {name, why} of a row of the permissions. */
export const featureOf = (row) => ({ name: pick(row.feature) ?? row.feature, why: pick(`${row.feature}_why`) ?? row.why });
