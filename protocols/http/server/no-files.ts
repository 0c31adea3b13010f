// The response to a caller whose connection takes one file too many.
const body = "This proxy has too many open connections. Try again, or elsewhere.\n";

export const noFilesLeft =
  "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 0\r\nl5d-retryable: true\r\n" +
  `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
