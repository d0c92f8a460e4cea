// Numbers as the visitor's language writes them.

const DECIMAL_SIGN = (1.5).toLocaleString(LANGUAGE)[1];

/** A number, or one that is written already: a true minus, and the language's sign before the decimals. */
function decimal(number) {
  return String(number).replaceAll("-", "−").replace(".", DECIMAL_SIGN);
}
