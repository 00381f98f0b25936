export function writeZeroPointPicture(_p: string, _o: unknown): Promise<void> {
  return Promise.resolve();
}
