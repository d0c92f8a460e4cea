// The page's words, in the visitor's language. LANGUAGES is what stands in vit/ui/languages, one file a language.

const LANGUAGE = navigator.languages.map((name) => name.slice(0, 2).toLowerCase()).find((name) => name in LANGUAGES) ?? "en";

/** A sentence by its key, such as "door.choose", with {names} in it replaced by values. */
function words(key, values = {}) {
  const text = key.split(".").reduce((part, name) => part?.[name], LANGUAGES[LANGUAGE]) ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Gives elements the words that their data-words, data-label and data-title name. */
function fillWords(root) {
  for (const each of root.querySelectorAll("[data-words]")) each.textContent = words(each.dataset.words);
  for (const each of root.querySelectorAll("[data-label]")) each.setAttribute("aria-label", words(each.dataset.label));
  for (const each of root.querySelectorAll("[data-title]")) each.title = words(each.dataset.title);
}
