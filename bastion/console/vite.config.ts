// The console is served from the bastion's own origin under a strict content security policy:
// every script and style is a file, nothing is inlined, nothing comes from elsewhere.
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
});
