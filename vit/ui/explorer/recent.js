// Maps that were shown before, kept in the page: back at the same photo and model, none of them is fetched again.

class Recent {
  constructor(limit) {
    this.limit = limit; // bytes
    this.kept = new Map(); // a file's address -> its Maps, the oldest first
  }

  /** Keeps whole maps; what is worked out from them is let go of, and the oldest give way. */
  keep(maps) {
    if (maps.loaded < maps.count || maps.size > this.limit) return maps.close();
    maps.forget();
    this.kept.delete(maps.address);
    this.kept.set(maps.address, maps);
    while (this.size > this.limit) this.kept.delete(this.kept.keys().next().value);
  }

  /** The maps of a record that was shown before, or nothing. */
  take(value) {
    const address = addressOfMaps(value);
    const maps = this.kept.get(address);
    this.kept.delete(address);
    return maps;
  }

  get size() {
    return [...this.kept.values()].reduce((sum, maps) => sum + maps.size, 0);
  }
}
