export declare const prefix: string
export declare function own(folder: string): void
export declare function clean(where?: string): number
