// The page's words, in the visitor's language. LANGUAGES has the name of each file in vit/ui/languages, and its words in a
// self-contained page; elsewhere those of the visitor's language alone come from the server, a view's with the view.

const LANGUAGE = navigator.languages.map((name) => name.slice(0, 2).toLowerCase()).find((name) => name in LANGUAGES) ?? "en";

const TOUCH = window.matchMedia("(hover: none)").matches; // a finger, and no pointer

const WORDLESS = 2000; // milliseconds until a server that gave no words is asked again

let sections = LANGUAGES[LANGUAGE];

/** Resolves when there are words. */
async function bringWords() {
  while (!sections) {
    try {
      sections = await server.page_words(LANGUAGE);
    } catch {
      await new Promise((done) => setTimeout(done, WORDLESS));
    }
  }
}

/** A sentence by its key, such as "door.choose", with {names} in it replaced by values. What a finger is told in other
 * words than a pointer stands under the same key with "_touch". */
function words(key, values = {}) {
  const found = (key) => key.split(".").reduce((part, name) => part?.[name], sections);
  const text = (TOUCH ? found(`${key}_touch`) : null) ?? found(key) ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Gives elements the words that their data-words, data-label and data-title name. */
function fillWords(root) {
  for (const each of root.querySelectorAll("[data-words]")) each.textContent = words(each.dataset.words);
  for (const each of root.querySelectorAll("[data-label]")) each.setAttribute("aria-label", words(each.dataset.label));
  for (const each of root.querySelectorAll("[data-title]")) each.title = words(each.dataset.title);
}
