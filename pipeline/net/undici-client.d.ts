/** @module The type of the one module of `undici` that is loaded, which the package declares at its front door only. */
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';

  export default Client;
}
